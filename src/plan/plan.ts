import { type Clock, remaining } from '../core/clock.ts';
import { durationMs } from '../core/duration.ts';
import { SquallError } from '../core/errors.ts';
import type {
  Container,
  Declared,
  Effect,
  ExperimentRecord,
  FaultSpec,
  Run,
  SlottedFault,
} from '../core/types.ts';
import { hostKey, type Observation, type World } from '../faults/fault.ts';
import { faultKind } from '../faults/index.ts';
import type { Action, Lookup, Plan, RecoverReason, RunDraft } from './actions.ts';
import { diffEffects, nextStrike } from './effects.ts';
import { type ForeignFault, guard, type Refusal, refusalOf } from './guard.ts';
import { assignSlots } from './slots.ts';
import { accept, type Status, withStatus } from './status.ts';
import { type Selection, selectTargets } from './targets.ts';

/** All that a plan may know. The plan reads nothing else, and changes nothing. */
export interface PlanInput {
  name: string;
  /** Readings only: `now`, `boot`, `bootId`. */
  clock: Pick<Clock, 'now' | 'boot' | 'bootId'>;
  manifest: Declared | undefined;
  record: ExperimentRecord | undefined;
  /** The run that `record.runId` names. */
  run: Run | undefined;
  /** That run's effects. */
  effects: readonly Effect[];
  /** What was found in the world for effects that were looked at in this pass. */
  observations: ReadonlyMap<number, Observation>;
  world: World;
  others: readonly Effect[];
  foreign: readonly ForeignFault[];
  self: ReadonlySet<string>;
  /** `squall halt --all`. */
  halted: boolean;
  /** Taken if this pass makes a new object, or a new run. */
  fresh: { uid: string; runNumber: number };
}

const DEFAULT_RECOVERY_TIMEOUT = '60s';

/** (desired, observed, policy, now) -> actions. The same function serves the daemon, `squall plan`, `squall diff` and the tests. */
export function planExperiment(input: PlanInput): Plan {
  const record = accept(input);
  if (!record) return { actions: [], record: undefined, lookups: [], wakeAfter: undefined };
  const { run } = input;
  if (run && run.endedAt === null) return planActive(input, record, run);
  if (!input.manifest)
    return { actions: [{ kind: 'forget' }], record: undefined, lookups: [], wakeAfter: undefined };
  return planIdle(input, record);
}

/** The plan for a run that a fault refused when it looked at its target: nothing starts. */
export function denyPlan(input: PlanInput, refusal: Refusal): Plan {
  const record = accept(input);
  if (!record) return { actions: [], record: undefined, lookups: [], wakeAfter: undefined };
  return result(input, { ...record, runRequested: null }, refusedStatus(refusal, false));
}

function planIdle(input: PlanInput, record: ExperimentRecord): Plan {
  const { manifest, run } = input;
  const rest = (status: Status) => result(input, record, status);
  if (manifest?.conflict) return rest({ phase: 'Invalid', reason: 'NameTaken', message: manifest.conflict });
  if (input.halted)
    return rest({
      phase: 'Halted',
      reason: 'HaltedAll',
      message: 'all chaos is halted: `squall resume --all` lifts it',
    });
  if (record.hold) return rest(heldStatus(record));
  if (!record.runRequested) {
    if (record.spec.suspend)
      return rest({ phase: 'Suspended', reason: 'Suspended', message: 'spec.suspend is true' });
    if (run && run.generation === record.generation) return rest(endedStatus(run, input.effects));
  }
  if (manifest?.stale) return rest({ phase: 'Invalid', reason: 'Stale', message: manifest.stale });
  return planStart(input, record);
}

function planStart(input: PlanInput, record: ExperimentRecord): Plan {
  const { spec } = record;
  const unasked = { ...record, runRequested: null };
  const seed = String(spec.targets.seed ?? `${record.uid}/${input.fresh.runNumber}`);
  const selection = selectTargets(spec, input.world.containers, input.self, seed);
  if (selection.shortfall)
    return result(input, unasked, refusedStatus(selection.shortfall.refusal, selection.shortfall.wait));
  const lookups = missingLookups(selection.chosen, spec.faults, input.world);
  if (lookups.length > 0) return { actions: [], record, lookups, wakeAfter: undefined };
  const faults = assignSlots([], spec.faults, 0);
  const refusal = refuse(input, record, selection, faults);
  if (refusal) return result(input, unasked, refusedStatus(refusal, false));
  const run: RunDraft = {
    id: `${record.name}-${input.fresh.runNumber}`,
    generation: record.generation,
    trigger: record.runRequested ?? 'manifest',
    ...times(spec),
    faults,
    targets: selection.chosen.map(({ id, name }) => ({ id, name })),
  };
  const injections = diffEffects({
    observations: input.observations,
    world: input.world,
    now: input.clock.now(),
    deadline: input.clock.now() + run.duration,
    targets: selection.chosen,
    joined: new Set(),
    faults,
    effects: [],
  });
  const started = { ...record, runId: run.id, runRequested: null };
  const status = runningStatus(run, selection.chosen.length);
  return result({ ...input, effects: [] }, started, status, [{ kind: 'start', run }, ...injections]);
}

function times(spec: ExperimentRecord['spec']): Pick<RunDraft, 'duration' | 'recoveryTimeout'> {
  return {
    duration: durationMs(spec.duration),
    recoveryTimeout: durationMs(spec.recoveryTimeout ?? DEFAULT_RECOVERY_TIMEOUT),
  };
}

function planActive(input: PlanInput, record: ExperimentRecord, run: Run): Plan {
  if (run.phase === 'Recovering') return planEnding(input, record, run);
  const left = remaining(input.clock as Clock, run.deadline);
  if (!input.manifest) return end(input, record, run, 'Halted', 'Deleted', 'the manifest is gone');
  const held = holdOf(input, record, run);
  if (left <= 0) {
    if (held)
      return end(input, record, run, 'Halted', 'DeadlineReached', 'the deadline passed while it was held');
    return end(input, record, run, 'Completed', 'DeadlineReached', 'ran for its duration');
  }
  if (held) return result(input, record, held, recoveries(input.effects, 'held'), left);
  if (run.generation !== record.generation) return planEdit(input, record, run);
  return planUpkeep(input, record, run);
}

/** A run that a person or a Schedule asked for is not held by its template's `suspend`. */
function holdOf(input: PlanInput, record: ExperimentRecord, run: Run): Status | undefined {
  if (input.halted)
    return {
      phase: 'Halted',
      reason: 'HaltedAll',
      message: 'all chaos is halted: `squall resume --all` lifts it',
    };
  if (record.hold) return heldStatus(record);
  if (record.spec.suspend && run.trigger === 'manifest') {
    return { phase: 'Suspended', reason: 'Suspended', message: 'spec.suspend is true' };
  }
  return undefined;
}

/** An edited spec: what both versions want stays, the rest is changed. Where the guard refuses the new one, the run ends. */
function planEdit(input: PlanInput, record: ExperimentRecord, run: Run): Plan {
  const { spec } = record;
  const seed = String(spec.targets.seed ?? `${record.uid}/${run.id}`);
  const selection = selectTargets(spec, input.world.containers, input.self, seed, run.targets);
  if (selection.shortfall) return endDenied(input, record, run, selection.shortfall.refusal);
  const lookups = missingLookups(selection.chosen, spec.faults, input.world);
  if (lookups.length > 0) return { actions: [], record, lookups, wakeAfter: undefined };
  const firstFree =
    1 + Math.max(-1, ...run.faults.map(({ slot }) => slot), ...input.effects.map(({ slot }) => slot));
  const faults = assignSlots(run.faults, spec.faults, firstFree);
  const refusal = refuse(input, record, selection, faults);
  if (refusal) return endDenied(input, record, run, refusal);
  const draft: RunDraft = {
    id: run.id,
    generation: record.generation,
    trigger: run.trigger,
    ...times(spec),
    faults,
    targets: selection.chosen.map(({ id, name }) => ({ id, name })),
  };
  return upkeep(input, record, run, draft, selection.chosen, new Set());
}

function endDenied(input: PlanInput, record: ExperimentRecord, run: Run, refusal: Refusal): Plan {
  // The old generation ends here; the new one has not run, and starts when it is permitted.
  return end(input, record, run, 'Aborted', refusal.reason, `the edited spec is refused: ${refusal.message}`);
}

/** Same spec, moved world: newly matching containers join (mode all), the rest is diffed. */
function planUpkeep(input: PlanInput, record: ExperimentRecord, run: Run): Plan {
  const known = input.world.containers.filter(({ id }) => run.targets.some((target) => target.id === id));
  const draft: RunDraft = { ...run, duration: run.deadline.wall - run.startedAt };
  const seed = String(record.spec.targets.seed ?? `${record.uid}/${run.id}`);
  if (record.spec.targets.mode !== 'all') return upkeep(input, record, run, draft, known, new Set());
  const selection = selectTargets(record.spec, input.world.containers, input.self, seed, run.targets);
  const joined = selection.chosen.filter(({ id }) => !run.targets.some((target) => target.id === id));
  if (joined.length === 0) return upkeep(input, record, run, draft, known, new Set());
  const lookups = missingLookups(joined, record.spec.faults, input.world);
  if (lookups.length > 0) return { actions: [], record, lookups, wakeAfter: undefined };
  const all = { ...selection, chosen: [...known, ...joined] };
  const refusal = refuse(input, record, all, run.faults);
  if (refusal)
    return upkeep(
      input,
      record,
      run,
      draft,
      known,
      new Set(),
      `${names(joined)} left alone: ${refusal.message}`,
    );
  const targets = [...run.targets, ...joined.map(({ id, name }) => ({ id, name }))];
  return upkeep(input, record, run, { ...draft, targets }, all.chosen, new Set(joined.map(({ id }) => id)));
}

function upkeep(
  input: PlanInput,
  record: ExperimentRecord,
  run: Run,
  draft: RunDraft,
  targets: readonly Container[],
  joined: ReadonlySet<string>,
  note?: string,
): Plan {
  const edited = draft.generation !== run.generation || draft.targets.length !== run.targets.length;
  const elapsed = input.clock.now() - run.startedAt;
  const left =
    edited && draft.generation !== run.generation
      ? draft.duration - elapsed
      : remaining(input.clock as Clock, run.deadline);
  if (left <= 0) return end(input, record, run, 'Completed', 'DeadlineReached', 'ran for its duration');
  const world = { ...input.world, lenient: true };
  const changes = diffEffects({
    observations: input.observations,
    effects: input.effects,
    world,
    now: input.clock.now(),
    deadline: input.clock.now() + left,
    targets,
    joined,
    faults: draft.faults,
  });
  const actions: Action[] = edited ? [{ kind: 'edit', run: draft }, ...changes] : changes;
  const status = runningStatus(draft, targets.length, note);
  return result(input, record, status, actions, Math.min(left, untilNextStrike(input)));
}

function untilNextStrike({ effects, clock }: PlanInput): number {
  const due = effects
    .map((effect) => nextStrike(faultKind(effect.fault.type), effect))
    .filter((time) => time !== undefined);
  return due.length === 0 ? Number.POSITIVE_INFINITY : Math.max(0, Math.min(...due) - clock.now());
}

function planEnding(input: PlanInput, record: ExperimentRecord, run: Run): Plan {
  const pending = input.effects.filter(({ phase }) => phase !== 'recovered' && phase !== 'failed');
  const status: Status = {
    phase: 'Recovering',
    reason: run.reason,
    message: `recovering ${pending.length} of ${input.effects.length}`,
  };
  if (pending.length > 0) return result(input, record, status, recoveries(pending, 'ending'));
  const failed = input.effects.filter(({ phase }) => phase === 'failed');
  const phase = failed.length > 0 ? 'Failed' : (run.outcome ?? 'Completed');
  const reason = failed.length > 0 ? 'NotRecovered' : run.reason;
  const message = failed.map(({ target, error }) => `${target.name}: ${error}`).join('; ');
  const finish: Action = { kind: 'finish', phase, reason, message };
  const ended = { ...run, phase, reason, endedAt: input.clock.now() } as Run;
  if (run.reason === 'Deleted')
    return { actions: [finish, { kind: 'forget' }], record: undefined, lookups: [], wakeAfter: undefined };
  return result(input, record, endedStatus(ended, input.effects), [finish]);
}

function end(
  input: PlanInput,
  record: ExperimentRecord,
  run: Run,
  outcome: Run['phase'],
  reason: string,
  message: string,
): Plan {
  const why: RecoverReason =
    reason === 'Deleted' ? 'deleted' : reason === 'DeadlineReached' ? 'deadline' : 'denied';
  const status: Status = { phase: 'Recovering', reason, message };
  const live = input.effects.filter(({ phase }) => phase !== 'recovered');
  return result(input, { ...record, runId: run.id }, status, [
    { kind: 'end', outcome, reason, message },
    ...recoveries(live, why),
  ]);
}

/** In reverse of the order they went in. */
function recoveries(effects: readonly Effect[], reason: RecoverReason): Action[] {
  return effects
    .filter(({ phase }) => phase !== 'recovered')
    .map((effect): Action => ({ kind: 'recover', effect, reason }))
    .reverse();
}

/** The guard's word on the selection, and each fault's own on each target. */
function refuse(
  input: PlanInput,
  record: ExperimentRecord,
  selection: Selection,
  faults: readonly SlottedFault[],
): Refusal | undefined {
  const specs = faults.map(({ fault }) => fault);
  const { containers } = input.world;
  const refusal = guard({
    ...input,
    ...selection,
    experiment: record.name,
    faults: specs,
    blastRadius: record.spec.blastRadius,
    containers,
  });
  if (refusal) return refusal;
  try {
    for (const target of selection.chosen)
      for (const fault of specs) faultKind(fault.type).resolve(fault, target, input.world);
    return undefined;
  } catch (error) {
    if (!(error instanceof SquallError)) throw error;
    return refusalOf(error);
  }
}

function missingLookups(targets: readonly Container[], faults: readonly FaultSpec[], world: World): Lookup[] {
  const hosts = [...new Set(faults.flatMap((fault) => faultKind(fault.type).lookups?.(fault) ?? []))];
  return targets.flatMap((container) =>
    hosts
      .filter((host) => !world.hosts.has(hostKey(container.id, host)))
      .map((host) => ({ container, host })),
  );
}

function result(
  input: PlanInput,
  record: ExperimentRecord,
  status: Status,
  actions: Action[] = [],
  wakeAfter?: number,
): Plan {
  const wake = wakeAfter === undefined || !Number.isFinite(wakeAfter) ? undefined : wakeAfter;
  return { actions, record: withStatus(input, record, status), lookups: [], wakeAfter: wake };
}

function heldStatus({ hold }: ExperimentRecord): Status {
  if (hold === 'halted')
    return { phase: 'Halted', reason: 'Halted', message: 'halted by a person: `squall resume` lifts it' };
  return {
    phase: 'Suspended',
    reason: 'Suspended',
    message: 'suspended by a person: `squall resume` lifts it',
  };
}

function refusedStatus(refusal: Refusal, wait: boolean): Status {
  return { phase: wait ? 'Pending' : 'Denied', reason: refusal.reason, message: refusal.message, refusal };
}

function runningStatus(run: RunDraft, targets: number, note?: string): Status {
  const types = [...new Set(run.faults.map(({ fault }) => fault.type))].join(', ');
  const message = `${types} on ${targets} container${targets === 1 ? '' : 's'}${note ? `; ${note}` : ''}`;
  return { phase: 'Running', reason: 'Injected', message };
}

function endedStatus(run: Run, effects: readonly Effect[]): Status {
  const failed = effects.filter(({ phase }) => phase === 'failed');
  const message =
    failed.length > 0
      ? failed.map(({ target, error }) => `${target.name}: ${error}`).join('; ')
      : `run ${run.id}`;
  return { phase: run.phase, reason: run.reason, message };
}

function names(containers: readonly Container[]): string {
  return containers.map(({ name }) => name).join(', ');
}
