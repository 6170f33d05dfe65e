import { randomUUID } from 'node:crypto';
import { sameJson } from '../core/canonical.ts';
import type { Clock } from '../core/clock.ts';
import { describeError } from '../core/errors.ts';
import {
  type Manifest,
  type ObjectId,
  type ObjectKind,
  type ObjectRecord,
  type Owner,
  objectId,
  type Spawned,
} from '../core/kinds.ts';
import type { Log } from '../core/log.ts';
import { nextTurn } from '../core/parallel.ts';
import type { HaltFile } from '../journal/halt-file.ts';
import type { Journal } from '../journal/journal.ts';
import type { DesiredState } from '../manifests/desired.ts';
import { createBackoff } from './backoff.ts';
import { emit, type NewEvent } from './events.ts';
import type { Metrics } from './metrics.ts';
import { createQueue } from './queue.ts';
import { knownObjects, parseObject, wanted } from './wanted.ts';

/** What a pass over a Schedule, Scenario or Policy decides. All of it becomes durable in one transaction, or none. */
export interface ObjectOutcome<K extends ObjectKind> {
  record: ObjectRecord<K>;
  /** Wanted from now on. One whose name is taken is left out, with a warning. */
  spawn?: Spawned[];
  /** Not wanted any more: recovered, and forgotten. */
  release?: Pick<Spawned, 'kind' | 'name'>[];
  events?: NewEvent[];
  /** Written in the same transaction: a number that is taken, say. Not called where there is nothing to write. */
  within?: () => void;
  /** Called once it is durable, also where there was nothing to write. */
  afterwards?: () => void;
  /** ms until time alone needs another pass. */
  wakeAfter?: number | undefined;
}

export interface ObjectDeps {
  journal: Journal;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  manifests: { state(): DesiredState };
  halt: Pick<HaltFile, 'read'>;
}

/** One kind of object. It decides; what is decided is written, and passed on, elsewhere. */
export interface ObjectHandler<K extends ObjectKind> {
  readonly kind: K;
  /** Reads what it needs, synchronously, and decides. `record` is the object as it stands for the manifest now. */
  pass(deps: ObjectDeps, record: ObjectRecord<K>, manifest: Manifest<K>): ObjectOutcome<K>;
  /** The object is gone: lets go of what it holds in memory. */
  forget?(name: string): void;
}

/** Works on Schedules, Scenarios and Policies, one pass at a time for each. */
export interface Objects {
  add(id: ObjectId): void;
  addAll(): void;
  idle(): Promise<void>;
  drain(): Promise<void>;
}

export interface ObjectsOptions {
  deps: ObjectDeps;
  handlers: readonly ObjectHandler<ObjectKind>[];
  /** Something is wanted, or not wanted any more, that is no object: an experiment. */
  onExperiment: (name: string) => void;
}

const WORKERS = 4;

export function createObjects({ deps, handlers, onExperiment }: ObjectsOptions): Objects {
  const { journal, clock } = deps;
  const byKind = new Map(handlers.map((handler) => [handler.kind as ObjectKind, handler]));
  const backoff = createBackoff();

  async function work(id: string): Promise<void> {
    try {
      const after = pass(id as ObjectId);
      backoff.reset(id);
      if (after !== undefined) queue.addAfter(id, after);
    } catch (error) {
      const wait = backoff.next(id);
      deps.log.error(
        { object: id, error: describeError(error), retryIn: wait },
        'pass over an object failed',
      );
      deps.metrics.reconcileErrors.inc();
      queue.addAfter(id, wait);
    }
    await nextTurn();
  }

  /** ms until the next pass, where time alone needs one. */
  function pass(id: ObjectId): number | undefined {
    const key = parseObject(id);
    if (!key) return undefined;
    const { kind, name } = key;
    const manifest = wanted(deps, kind, name);
    const before = journal.objects.get(kind, name);
    if (!manifest) {
      if (before) end(before);
      return undefined;
    }
    const record = acceptObject(before, manifest, clock.now());
    const outcome = byKind.get(kind)?.pass(deps, record, manifest as Manifest<ObjectKind>) ?? { record };
    write(before, manifest.owner ? outcome : { ...outcome, release: takenOver(outcome, kind, name) });
    if (manifest.owner && before?.phase !== outcome.record.phase) wake(manifest.owner);
    return outcome.wakeAfter;
  }

  /** A file has taken the name over: an owner must not want it again when the file is gone. */
  function takenOver({ release = [] }: ObjectOutcome<ObjectKind>, kind: ObjectKind, name: string) {
    if (kind !== 'Scenario' || !journal.spawned.get(kind, name)) return release;
    return [...release, { kind, name }];
  }

  function write(before: ObjectRecord | undefined, outcome: ObjectOutcome<ObjectKind>): void {
    const { record, spawn = [], release = [], events = [] } = outcome;
    const unchanged = before !== undefined && sameJson(before, record);
    if (unchanged && spawn.length + release.length + events.length === 0) {
      outcome.afterwards?.();
      return;
    }
    const spawned = journal.transaction(() => {
      // A person's hold may have come since the pass began; no pass sets or lifts one.
      const { hold } = journal.objects.get(record.kind, record.name) ?? record;
      if (!unchanged) journal.objects.put({ ...record, hold, updatedAt: clock.now() });
      for (const one of release) letGo(one);
      const added = spawn.filter((one) => !isTaken(one) && journal.spawned.add(one));
      outcome.within?.();
      for (const event of events) emit(deps, event);
      for (const one of spawn) if (!added.includes(one)) emit(deps, taken(record, one));
      return added;
    });
    outcome.afterwards?.();
    for (const { kind, name } of [...spawned, ...release]) touch(kind, name);
  }

  /** What an owner made has a name that does not come again. */
  function letGo({ kind, name }: Pick<Spawned, 'kind' | 'name'>): void {
    journal.spawned.remove(kind, name);
    if (kind === 'Scenario') journal.runs.retireNumber(objectId(kind, name));
  }

  /** What it waits for may have come about. */
  function wake({ kind, name }: Owner): void {
    queue.add(objectId(kind, name));
  }

  function isTaken({ kind, name }: Spawned): boolean {
    const there = kind === 'Experiment' ? journal.experiments.get(name) : journal.objects.get(kind, name);
    return there !== undefined || wanted(deps, kind, name) !== undefined;
  }

  function touch(kind: Spawned['kind'], name: string): void {
    if (kind === 'Experiment') onExperiment(name);
    else queue.add(objectId(kind, name));
  }

  /** What it owned is not wanted any more; what of that is in the world, its own passes take out. */
  function end(record: ObjectRecord): void {
    const { kind, name } = record;
    const owned = journal.spawned.of({ kind, name });
    journal.transaction(() => {
      for (const one of owned) letGo(one);
      journal.objects.remove(kind, name);
      emit(deps, { object: objectId(kind, name), experiment: null, reason: 'Deleted', message: gone(owned) });
    });
    byKind.get(kind)?.forget?.(name);
    for (const one of owned) touch(one.kind, one.name);
  }

  const queue = createQueue({ clock, workers: WORKERS, work });
  return {
    add: queue.add,
    addAll: () => {
      for (const id of knownObjects(deps)) if (parseObject(id)) queue.add(id);
    },
    idle: queue.idle,
    drain: queue.drain,
  };
}

function gone(owned: readonly Spawned[]): string {
  if (owned.length === 0) return 'the manifest is gone';
  return `the manifest is gone: ends ${owned.map(({ name }) => name).join(', ')}`;
}

function taken(record: ObjectRecord, { kind, name }: Spawned): NewEvent {
  const message = `${kind.toLowerCase()} ${name} is there already: it is not made again`;
  const object = objectId(record.kind, record.name);
  return { object, experiment: null, reason: 'NameTaken', message, warning: true };
}

/** The object that a manifest stands for now: new, edited or as it was. A stale or conflicting manifest changes nothing that was accepted. */
export function acceptObject<K extends ObjectKind>(
  before: ObjectRecord<K> | undefined,
  { kind, name, spec, specHash, labels, source, stale, conflict }: Manifest<K>,
  now: number,
): ObjectRecord<K> {
  if (!before) {
    return {
      kind,
      name,
      uid: randomUUID(),
      generation: 1,
      specHash,
      spec,
      labels,
      source,
      hold: null,
      phase: '',
      reason: '',
      message: '',
      conditions: [],
      state: null,
      createdAt: now,
      updatedAt: now,
    };
  }
  if (stale || conflict) return before;
  const generation = before.generation + (specHash === before.specHash ? 0 : 1);
  return { ...before, generation, specHash, spec, labels, source };
}
