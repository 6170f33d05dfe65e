import type { Json } from '../core/canonical.ts';
import { SquallError } from '../core/errors.ts';
import {
  type ObjectKind,
  type ObjectRecord,
  type Owner,
  objectId,
  type Provenance,
  parseObjectId,
} from '../core/kinds.ts';
import { nearMiss } from '../core/near-miss.ts';
import type { Effect, ExperimentRecord, Run, SquallEvent } from '../core/types.ts';
import type { Journal } from '../journal/journal.ts';
import { type InheritedHold, inheritedHold } from '../reconcile/inherited.ts';
import type { ActId } from './control.ts';
import { type ExperimentView, iso, type RunView, viewExperiment, viewRun } from './experiment-view.ts';

/** A run as the API and `squall get runs -o json` show it. */
export interface RunObject {
  apiVersion: 'squall/v1';
  kind: 'Run';
  metadata: {
    name: string;
    experiment: string;
    generation: number;
    /** What its experiment has as these; null too where that is forgotten. */
    owner: Owner | null;
    copyOf: string | null;
  };
  status: Omit<RunView, 'id'> & { reason: string };
}

/** An event as the API, its stream and `squall events -o json` show it. `time` is RFC 3339, UTC. */
export interface EventObject {
  apiVersion: 'squall/v1';
  kind: 'Event';
  id: number;
  time: string;
  type: string;
  reason: string;
  experiment: string | null;
  run: string | null;
  target: string | null;
  message: string;
  /** What it is about where that is no experiment: `Schedule/nightly`. */
  object: string | null;
  /** The commit that the manifest of its run came from. */
  commit: string | null;
}

export interface List<Item> {
  apiVersion: 'squall/v1';
  kind: 'List';
  items: Item[];
}

export function listOf<Item>(items: Item[]): List<Item> {
  return { apiVersion: 'squall/v1', kind: 'List', items };
}

/** An experiment with the run that stands for its generation, and that run's effects. */
export interface Bundle {
  record: ExperimentRecord;
  run: Run | undefined;
  effects: readonly Effect[];
  /** A hold of what it is a copy of, or of its owner. */
  inherited: InheritedHold | undefined;
}

export function bundle(journal: Journal, record: ExperimentRecord): Bundle {
  const run = record.runId === null ? undefined : journal.runs.get(record.runId);
  const inherited = record.owner || record.copyOf ? inheritedHold({ journal }, record) : undefined;
  return { record, run, effects: run ? journal.effects.ofRun(run.id) : [], inherited };
}

/** Throws SQ502 for an unknown name, with another kind that has it or the nearest name there is. */
export function findExperiment(journal: Journal, name: string): ExperimentRecord {
  const record = journal.experiments.get(name);
  if (record) return record;
  const namesakes = journal.objects
    .all()
    .filter((one) => one.name === name)
    .map((one) => objectId(one.kind, name).toLowerCase());
  const near =
    namesakes.length > 0 ? namesakes.join(' or ') : quoted(nearest(name, journal.experiments.all()));
  throw notFound('experiment', name, 'experiments', near);
}

/** The same for the other kinds. */
export function findObject<K extends ObjectKind>(journal: Journal, kind: K, name: string): ObjectRecord<K> {
  const record = journal.objects.get(kind, name);
  if (record) return record;
  const near = quoted(nearest(name, journal.objects.all(kind)));
  throw notFound(kind.toLowerCase(), name, PLURALS[kind], near);
}

const PLURALS = { Schedule: 'schedules', Scenario: 'scenarios', Policy: 'policies' };

/** Gives back the id of something that is there; throws as those above. */
export function findHeld(journal: Journal, id: ActId): ActId {
  const { kind, name } = parseObjectId(id);
  if (kind === 'Experiment') findExperiment(journal, name);
  else findObject(journal, kind, name);
  return id;
}

function nearest(name: string, known: readonly { name: string }[]): string | undefined {
  return nearMiss(
    name,
    known.map((one) => one.name),
  );
}

function quoted(name: string | undefined): string | undefined {
  return name === undefined ? undefined : `"${name}"`;
}

function notFound(kind: string, name: string, plural: string, near: string | undefined): SquallError {
  return new SquallError('SQ502', `no ${kind} is called "${name}"`, {
    hint: near === undefined ? `\`squall get ${plural}\` lists them` : `Did you mean ${near}?`,
  });
}

export function experimentObject({ record, run, effects }: Bundle): ExperimentView {
  return viewExperiment(record, run, effects);
}

/** `record`: its experiment, as long as that is known. */
export function runObject(
  run: Run,
  effects: readonly Effect[],
  record: Pick<ExperimentRecord, 'owner' | 'copyOf'> | undefined,
): RunObject {
  const { id, ...view } = viewRun(run, effects);
  const { experiment, generation, reason } = run;
  const { owner = null, copyOf = null } = record ?? {};
  return {
    apiVersion: 'squall/v1',
    kind: 'Run',
    metadata: { name: id, experiment, generation, owner, copyOf },
    status: { ...view, reason },
  };
}

/** `provenance`: of its run. */
export function eventObject(event: SquallEvent, provenance: Provenance | null): EventObject {
  const { id, time, type, reason, experiment, run, target, message, object } = event;
  return {
    apiVersion: 'squall/v1',
    kind: 'Event',
    id,
    time: iso(time),
    type,
    reason,
    experiment,
    run,
    target,
    message,
    object,
    commit: provenance?.commit ?? null,
  };
}

/** Where the manifest of an event's run came from. Reads each run once. */
export function provenances({ runs }: Pick<Journal, 'runs'>): (event: SquallEvent) => Provenance | null {
  const known = new Map<string, Provenance | null>();
  return ({ run, object }) => {
    // a scenario's runs are none of the journal's, and may be called as an experiment's
    if (run === null || object !== null) return null;
    const found = known.get(run) ?? runs.get(run)?.provenance ?? null;
    known.set(run, found);
    return found;
  };
}

/** The error as every route gives it. */
export function errorObject(error: SquallError): { error: { [key: string]: Json } } {
  return { error: { code: error.code, message: error.message, hint: error.hint ?? null } };
}
