import { type Clock, remaining } from '../core/clock.ts';
import type { Container, Effect, ExperimentRecord, Run } from '../core/types.ts';
import { faultKind } from '../faults/index.ts';
import type { Action, Plan, RecoverReason, RunDraft } from './actions.ts';
import { diffEffects, nextStrike } from './effects.ts';
import type { Refusal } from './guard.ts';
import type { PlanInput } from './input.ts';
import { endedStatus, heldStatus, result, runningStatus } from './outcome.ts';
import { missingLookups, refuse, times } from './permit.ts';
import { assignSlots } from './slots.ts';
import type { Status } from './status.ts';
import { selectTargets } from './targets.ts';

export function planActive(input: PlanInput, record: ExperimentRecord, run: Run): Plan {
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

function names(containers: readonly Container[]): string {
  return containers.map(({ name }) => name).join(', ');
}
