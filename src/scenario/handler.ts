import {
  type Manifest,
  type ObjectId,
  type ObjectRecord,
  objectId,
  type ProbeSpec,
  type Spawned,
} from '../core/kinds.ts';
import type { ProbeContext, ProbeResult } from '../probes/probe.ts';
import type { NewEvent } from '../reconcile/events.ts';
import type { ObjectDeps, ObjectHandler, ObjectOutcome } from '../reconcile/objects.ts';
import { wanted } from '../reconcile/wanted.ts';
import { type Advance, advance, newRun } from './advance.ts';
import { childrenOf } from './children.ts';
import { type Held, heldBy, type Status, startOrRest, stopOf } from './life.ts';
import { activeRun, remember, type ScenarioRun, type ScenarioState, stateOf, withState } from './state.ts';
import { createWatches, type Watches } from './watches.ts';

export interface ScenarioOptions {
  /** What the probes of steps may use. */
  probes: ProbeContext;
  /** Puts an object on the queue: a probe has a new verdict. */
  wake: (id: ObjectId) => void;
  /** Each try of a step's probe. */
  onSample?: (scenario: string, probe: ProbeSpec, result: ProbeResult) => void;
}

export interface ScenarioHandler extends ObjectHandler<'Scenario'> {
  /** Ends all probes, and begins none any more. */
  close(): void;
}

/**
 * Runs scenarios: serial and parallel steps of experiments, waits and probes. All that is decided becomes durable in the write that also
 * makes the experiments wanted, so a crash anywhere makes no step begin twice and none be forgotten. The experiments are ordinary ones, with
 * the same guard and the same recovery; they stay, as history, until the next run of the scenario begins.
 */
export function scenarioHandler({ probes, wake, onSample }: ScenarioOptions): ScenarioHandler {
  const onVerdict = (scenario: string) => wake(objectId('Scenario', scenario));
  const watches = createWatches({ context: probes, onVerdict, onSample });
  return {
    kind: 'Scenario',
    pass: (deps, record, manifest) => pass(deps, watches, record, manifest),
    forget: watches.forget,
    close: watches.close,
  };
}

function pass(
  deps: ObjectDeps,
  watches: Watches,
  record: ObjectRecord<'Scenario'>,
  manifest: Manifest<'Scenario'>,
): ObjectOutcome<'Scenario'> {
  const hold = heldBy(deps, record, manifest);
  const state = stateOf(record);
  const active = activeRun(record);
  if (active) return go(deps, watches, record, { manifest, hold, state, run: active });
  const next = startOrRest(record, manifest, state, hold);
  if (!('trigger' in next)) return rest(record, state, next);
  const run = firstOf(deps, record, next.trigger);
  const started = go(deps, watches, record, { manifest, hold, state, run });
  return {
    ...started,
    // What earlier runs left for people to look at.
    release: [...earlier(deps, record), ...(started.release ?? [])],
    events: [startedEvent(record, run), ...(started.events ?? [])],
    within: () => deps.journal.runs.takeNumber(counterOf(record)),
  };
}

/** Experiments have no slash in their names. */
function counterOf({ name }: ObjectRecord<'Scenario'>): string {
  return objectId('Scenario', name);
}

function firstOf(
  { journal, clock }: ObjectDeps,
  record: ObjectRecord<'Scenario'>,
  trigger: string,
): ScenarioRun {
  const number = journal.runs.peekNumber(counterOf(record));
  const { spec, generation } = record;
  const template = spec.suspend === true;
  return newRun(spec, clock, { number, id: `${record.name}-${number}`, trigger, template, generation });
}

function earlier(
  { journal }: ObjectDeps,
  { name }: ObjectRecord<'Scenario'>,
): Pick<Spawned, 'kind' | 'name'>[] {
  return journal.spawned.of({ kind: 'Scenario', name });
}

function startedEvent({ name }: ObjectRecord<'Scenario'>, run: ScenarioRun): NewEvent {
  const message = `${run.trigger} run ${run.id}`;
  return { object: objectId('Scenario', name), experiment: null, run: run.id, reason: 'Started', message };
}

/** A scenario of which no run is under way. */
function rest(
  record: ObjectRecord<'Scenario'>,
  state: ScenarioState,
  { phase, reason, message }: Status,
): ObjectOutcome<'Scenario'> {
  const news = phase !== record.phase || reason !== record.reason;
  const told = news && state.run?.ending?.phase !== phase;
  const warning = phase === 'Invalid';
  const event = { object: objectId('Scenario', record.name), experiment: null, reason, message, warning };
  return {
    record: withState({ ...record, phase, reason, message }, { ...state, runRequested: null }),
    events: told ? [event] : [],
  };
}

interface Going {
  manifest: Manifest<'Scenario'>;
  hold: Held | undefined;
  state: ScenarioState;
  run: ScenarioRun;
}

/** A run moves as far as it can now. */
function go(
  deps: ObjectDeps,
  watches: Watches,
  record: ObjectRecord<'Scenario'>,
  { manifest, hold, state, run }: Going,
): ObjectOutcome<'Scenario'> {
  const { journal, clock, manifests } = deps;
  const moved = advance({
    scenario: record,
    spec: record.spec,
    run,
    stop: stopOf(record, manifest, run, hold),
    clock,
    children: childrenOf(journal, record, run),
    probes: watches.states(record.name),
    experiments: manifests.state().experiments,
    holdOf: (name) => journal.experiments.get(name)?.hold ?? null,
    isTaken: (name) =>
      journal.experiments.get(name) !== undefined || wanted(deps, 'Experiment', name) !== undefined,
  });
  const history = remember(state.history, moved.run);
  return {
    record: withState({ ...record, ...statusOf(moved.run) }, { runRequested: null, run: moved.run, history }),
    spawn: moved.spawn,
    release: moved.release.map((name) => ({ kind: 'Experiment', name })),
    events: moved.events,
    afterwards: () => watches.set(record.name, moved.probes),
    wakeAfter: nextPass(moved),
  };
}

/** What has ended may have a hold to show, or another generation to run. */
function nextPass({ run, wakeAfter }: Advance): number | undefined {
  return run.endedAt === null ? wakeAfter : 0;
}

function statusOf({ id, steps, ending, endedAt }: ScenarioRun): Status {
  if (ending) return endedAt === null ? { ...ending, phase: 'Recovering' } : ending;
  const leaves = Object.values(steps).filter(({ kind }) => kind !== 'serial' && kind !== 'parallel');
  const ended = leaves.filter((step) => step.endedAt !== null).length;
  const now = leaves.filter(({ phase }) => phase === 'Running').map(({ title }) => title);
  const message = `run ${id}: ${ended} of ${leaves.length} steps ended; now ${now.join(', ')}`;
  return { phase: 'Running', reason: 'Started', message };
}
