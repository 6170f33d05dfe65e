import {
  type AnyManifest,
  type Manifest,
  type ObjectKind,
  type ObjectRecord,
  objectId,
  type ProbeSpec,
  type ScenarioSpec,
  type Spawned,
} from '../../src/core/kinds.ts';
import { createLog } from '../../src/core/log.ts';
import type {
  Container,
  ExperimentRecord,
  ExperimentSpec,
  Hold,
  Phase,
  RunPhase,
} from '../../src/core/types.ts';
import { IN_MEMORY, type Journal, openJournal } from '../../src/journal/journal.ts';
import { desiredState } from '../../src/manifests/desired.ts';
import { specHash } from '../../src/manifests/spec-hash.ts';
import { createMetrics } from '../../src/reconcile/metrics.ts';
import {
  createObjects,
  type ObjectDeps,
  type ObjectHandler,
  type Objects,
} from '../../src/reconcile/objects.ts';
import { wanted } from '../../src/reconcile/wanted.ts';
import { type ScenarioHandler, scenarioHandler } from '../../src/scenario/handler.ts';
import { type ScenarioRun, stateOf } from '../../src/scenario/state.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { declared, record as experimentRecord, spec as experimentSpec, run as runOf } from '../plan/build.ts';

const SOURCE = { file: 's.yaml', line: 1, column: 1 };

export const EXPERIMENT: ExperimentSpec = experimentSpec();

/** Scenarios on a real journal and a clock that a test moves; what becomes of experiments and containers is the test's to say. */
export class Stage {
  readonly clock = new FakeClock();
  readonly journal: Journal = openJournal(IN_MEMORY);
  containers: Container[] = [];
  halted = false;
  /** Each try of a probe: its spec. */
  samples: ProbeSpec[] = [];
  /** Experiments that were passed on to their own queue, in order. */
  touched: string[] = [];
  /** Called before each durable write: what it throws is what the write fails with. */
  beforeWrite: () => void = () => {};
  #declared = new Map<string, AnyManifest>();
  #deps: ObjectDeps;
  #objects!: Objects;
  #handler!: ScenarioHandler;

  constructor() {
    const { journal, clock } = this;
    const transaction: Journal['transaction'] = (work) =>
      journal.transaction(() => {
        const result = work();
        this.beforeWrite();
        return result;
      });
    this.#deps = {
      journal: { ...journal, transaction },
      clock,
      log: createLog('silent'),
      metrics: createMetrics('0', 'stage'),
      manifests: { state: () => desiredState(this.#declared.values(), []) },
      halt: { read: () => this.halted },
    };
    this.#open();
  }

  #open(): void {
    this.#handler = scenarioHandler({
      probes: {
        clock: this.clock,
        containers: () => this.containers,
        exec: () => Promise.reject(new Error('no engine here')),
      },
      wake: (id) => this.#objects.add(id),
      onSample: (_, probe) => this.samples.push(probe),
    });
    this.#objects = createObjects({
      deps: this.#deps,
      handlers: [this.#handler] as unknown as ObjectHandler<ObjectKind>[],
      onExperiment: (name) => this.touched.push(name),
    });
  }

  /** The daemon dies between two writes, and is there again. */
  async restart(): Promise<void> {
    await this.stop();
    this.#open();
    this.#objects.addAll();
    await this.settle();
  }

  async stop(): Promise<void> {
    this.#handler.close();
    await this.#objects.drain();
  }

  close(): Promise<void> {
    return this.stop().then(() => this.journal.close());
  }

  /** Until nothing is left to do but wait. */
  async settle(): Promise<void> {
    await this.clock.run(0);
    await this.#objects.idle();
    await this.clock.run(0);
  }

  async pass(ms: number): Promise<void> {
    await this.clock.run(ms);
    await this.settle();
  }

  declareExperiment(name: string, spec: Partial<ExperimentSpec> = {}, more: Partial<Manifest> = {}): void {
    this.#declared.set(name, { ...declared(spec, { name }), ...more } as AnyManifest);
  }

  async declare(name: string, spec: ScenarioSpec, more: Partial<Manifest> = {}): Promise<void> {
    const manifest = { kind: 'Scenario', name, labels: {}, spec, specHash: specHash(spec), source: SOURCE };
    this.#declared.set(`Scenario/${name}`, { ...manifest, ...more } as AnyManifest);
    await this.wake(name);
  }

  async remove(name: string): Promise<void> {
    this.#declared.delete(`Scenario/${name}`);
    await this.wake(name);
  }

  async wake(name: string): Promise<void> {
    this.#objects.add(objectId('Scenario', name));
    await this.settle();
  }

  /** As a Schedule would: its own record, and a scenario that it owns. */
  async fire(
    schedule: string,
    name: string,
    spec: ScenarioSpec,
    copyOf: string | null = null,
  ): Promise<void> {
    const owner = { kind: 'Schedule', name: schedule, uid: `uid-${schedule}` } as const;
    const scheduleSpec = { cron: '@daily', scenarioRef: { name: 'x' } };
    const manifest = { kind: 'Schedule', name: schedule, labels: {}, spec: scheduleSpec, source: SOURCE };
    this.#declared.set(`Schedule/${schedule}`, { ...manifest, specHash: 'x' } as unknown as AnyManifest);
    const at = { createdAt: 0, updatedAt: 0 };
    const status = { hold: null, phase: 'Active', reason: '', message: '', conditions: [], state: null };
    this.journal.objects.put({
      ...manifest,
      ...at,
      ...status,
      uid: owner.uid,
      generation: 1,
      specHash: 'x',
    } as unknown as ObjectRecord);
    const row = {
      kind: 'Scenario',
      name,
      owner,
      copyOf,
      spec,
      labels: {},
      source: SOURCE,
      slot: 0,
      createdAt: 0,
    };
    this.journal.spawned.add(row as Spawned);
    await this.wake(name);
  }

  async hold(name: string, hold: Hold | null, kind: 'Scenario' | 'Schedule' = 'Scenario'): Promise<void> {
    this.journal.objects.put({ ...this.object(name, kind), hold });
    if (kind === 'Scenario') await this.wake(name);
  }

  object<K extends 'Scenario' | 'Schedule'>(name: string, kind: K = 'Scenario' as K): ObjectRecord<K> {
    const found = this.journal.objects.get(kind, name);
    if (!found) throw new Error(`no ${kind} ${name}`);
    return found;
  }

  status(name: string): string {
    const { phase, reason, message } = this.object(name);
    return `${phase} ${reason}: ${message}`;
  }

  run(name: string): ScenarioRun {
    const { run } = stateOf(this.object(name));
    if (!run) throw new Error(`${name} has no run`);
    return run;
  }

  /** Phase by path. */
  steps(name: string): Record<string, string> {
    return Object.fromEntries(Object.entries(this.run(name).steps).map(([path, { phase }]) => [path, phase]));
  }

  /** Experiments that are wanted for the sake of an owner. */
  wanted(): string[] {
    return this.journal.spawned
      .all()
      .filter(({ kind, name }) => kind === 'Experiment' && wanted(this.#deps, 'Experiment', name))
      .map(({ name }) => name);
  }

  isWanted(name: string): boolean {
    return wanted(this.#deps, 'Experiment', name) !== undefined;
  }

  events(): string[] {
    return this.journal.events.list({ limit: 1000 }).map(({ reason, message }) => `${reason}: ${message}`);
  }

  /** A pass over the experiment of which no run begins. */
  async rest(name: string, phase: Phase, reason: string = phase, message = `is ${phase}`): Promise<void> {
    this.#put(name, { phase, reason, message });
    await this.wakeOwner(name);
  }

  /** A run of the experiment begins. */
  async begin(name: string): Promise<void> {
    const id = `${name}-1`;
    this.journal.runs.put(runOf([], [], { id, experiment: name, startedAt: this.clock.now() }));
    this.#put(name, { phase: 'Running', reason: 'Injected', message: '', runId: id });
    await this.wakeOwner(name);
  }

  /** Its run ends, with all recovered. */
  async end(name: string, phase: RunPhase = 'Completed', reason = 'DeadlineReached'): Promise<void> {
    const run = this.journal.runs.get(`${name}-1`);
    if (!run) throw new Error(`no run of ${name}`);
    this.journal.runs.put({ ...run, phase, reason, endedAt: this.clock.now() });
    const owner = this.journal.experiments.get(name)?.owner;
    if (this.isWanted(name)) this.#put(name, { phase: phase as Phase, reason, message: `run ${run.id}` });
    else this.journal.experiments.remove(name);
    if (owner && this.journal.objects.get(owner.kind, owner.name)) await this.wake(owner.name);
  }

  #put(name: string, fields: Partial<ExperimentRecord>): void {
    const known = this.journal.experiments.get(name);
    const row = this.journal.spawned.get('Experiment', name);
    if (!row && !known) throw new Error(`nobody wants ${name}`);
    const manifest = { ...declared({}, { name }), spec: (row?.spec ?? EXPERIMENT) as ExperimentSpec };
    const { owner = null, copyOf = null } = row ?? {};
    this.journal.experiments.put({
      ...(known ?? experimentRecord(manifest, { owner, copyOf })),
      ...fields,
    });
  }

  async wakeOwner(name: string): Promise<void> {
    const owner = this.journal.experiments.get(name)?.owner;
    if (owner) await this.wake(owner.name);
  }

  /** Begins and ends an experiment. */
  async play(name: string, phase: RunPhase = 'Completed', reason = 'DeadlineReached'): Promise<void> {
    await this.begin(name);
    await this.end(name, phase, reason);
  }
}
