import { sameJson } from '../core/canonical.ts';
import { remaining } from '../core/clock.ts';
import type { Container, Effect, ExperimentRecord, Run, RunPhase } from '../core/types.ts';
import { faultKind } from '../faults/index.ts';
import type { Action, Plan, RecoverReason, Refusal, RunDraft } from './actions.ts';
import { refuseReturn } from './collisions.ts';
import { diffEffects, isOpen, nextStrike } from './effects.ts';
import { refuseSharers } from './guard.ts';
import type { PlanInput } from './input.ts';
import { endedStatus, heldStatus, refusedStatus, result, runningStatus } from './outcome.ts';
import { missingLookups, refuse, seedOf, times } from './permit.ts';
import { assignSlots } from './slots.ts';
import type { Status } from './status.ts';
import { type Selection, selectTargets } from './targets.ts';

/** The plan of an object whose run has not ended: hold it, end it, take up an edit, or keep it as it should be. */
export function planActive(input: PlanInput, record: ExperimentRecord, run: Run): Plan {
  if (run.phase === 'Recovering') return planEnding(input, record, run);
  const left = remaining(input.clock, run.deadline);
  if (!input.manifest) return end(input, record, 'Halted', 'Deleted', 'the manifest is gone');
  const held = holdOf(input, record, run);
  if (left <= 0) {
    if (held) return end(input, record, 'Halted', 'DeadlineReached', 'the deadline passed while it was held');
    return end(input, record, 'Completed', 'DeadlineReached', 'ran for its duration');
  }
  if (held) return result(input, record, held, recoveries(input.effects, 'held'), left);
  if (run.generation !== record.generation) return planEdit(input, record, run);
  return planUpkeep(input, record, run);
}

/** A run that was asked for of a suspended template is not held by its `suspend`. */
function holdOf(input: PlanInput, record: ExperimentRecord, run: Run): Status | undefined {
  if (input.halted)
    return {
      phase: 'Halted',
      reason: 'HaltedAll',
      message: 'all chaos is halted: `squall resume --all` lifts it',
    };
  if (record.hold) return heldStatus(record);
  if (record.spec.suspend && !run.template) {
    return { phase: 'Suspended', reason: 'Suspended', message: 'spec.suspend is true' };
  }
  return undefined;
}

/** An edited spec: what both versions want stays, the rest is changed. Where the guard refuses the new one, the run ends. */
function planEdit(input: PlanInput, record: ExperimentRecord, run: Run): Plan {
  const { spec } = record;
  const selection = reselect(input, record, run);
  if (selection.shortfall) return endDenied(input, record, selection.shortfall.refusal);
  const lookups = missingLookups(selection.chosen, spec.faults, input.world);
  if (lookups.length > 0) return { actions: [], record, lookups, wakeAfter: undefined };
  const firstFree =
    1 + Math.max(-1, ...run.faults.map(({ slot }) => slot), ...input.effects.map(({ slot }) => slot));
  const faults = assignSlots(run.faults, spec.faults, firstFree);
  const refusal = refuse(input, record, selection, faults, run);
  if (refusal) return endDenied(input, record, refusal);
  const draft: RunDraft = {
    id: run.id,
    generation: record.generation,
    trigger: run.trigger,
    template: run.template,
    ...times(spec),
    faults,
    targets: selection.chosen.map(({ id, name }) => ({ id, name })),
  };
  return upkeep(input, record, run, draft, selection.chosen, new Set());
}

/** The choice is made once a run: where the edit does not touch `targets`, the run keeps the ones it has. */
function reselect(input: PlanInput, record: ExperimentRecord, run: Run): Selection {
  const { targets } = record.spec;
  const seed = seedOf(record, run.id);
  const selection = selectTargets(record.spec, input.world.containers, input.self, seed, run.targets);
  if (targets.mode === 'all' || !sameJson(targets, input.record?.spec.targets)) return selection;
  return { ...selection, chosen: targetsOf(input, run), shortfall: undefined };
}

/** The run's targets that still exist. */
function targetsOf({ world }: PlanInput, run: Run): Container[] {
  return world.containers.filter(({ id }) => run.targets.some((target) => target.id === id));
}

function endDenied(input: PlanInput, record: ExperimentRecord, refusal: Refusal): Plan {
  // The old generation ends here; the new one has not run, and starts when it is permitted.
  return end(input, record, 'Aborted', refusal.reason, `the edited spec is refused: ${refusal.message}`);
}

/** Same spec, moved world: newly matching containers join (mode all), the rest is diffed. */
function planUpkeep(input: PlanInput, record: ExperimentRecord, run: Run): Plan {
  const known = targetsOf(input, run);
  const intruder = refuseSharers(
    run.faults.map(({ fault }) => fault),
    known,
    input.world.containers,
    input.self,
  );
  if (intruder) return end(input, record, 'Aborted', intruder.reason, intruder.message);
  const draft: RunDraft = run;
  const unasked = missingLookups(
    known.filter(({ pid }) => pid > 0),
    run.faults.map(({ fault }) => fault),
    input.world,
  );
  if (unasked.length > 0) return { actions: [], record, lookups: unasked, wakeAfter: undefined };
  const seed = seedOf(record, run.id);
  if (record.spec.targets.mode !== 'all') return upkeep(input, record, run, draft, known, new Set());
  const selection = selectTargets(record.spec, input.world.containers, input.self, seed, run.targets);
  const joined = selection.chosen.filter(({ id }) => !run.targets.some((target) => target.id === id));
  if (joined.length === 0) return upkeep(input, record, run, draft, known, new Set());
  const lookups = missingLookups(joined, record.spec.faults, input.world);
  if (lookups.length > 0) return { actions: [], record, lookups, wakeAfter: undefined };
  const all = { ...selection, chosen: [...known, ...joined] };
  const refusal = refuse(input, record, all, run.faults, run);
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
  // Start + new duration, by what has run and not by the wall clock.
  const left = remaining(input.clock, run.deadline) + draft.duration - run.duration;
  if (left <= 0) {
    const ended = end(input, record, 'Completed', 'DeadlineReached', 'ran for its duration');
    return { ...ended, actions: [{ kind: 'edit', run: draft }, ...ended.actions] };
  }
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
  const { permitted, refusal } = withoutConflicts(input, changes);
  const actions: Action[] = edited ? [{ kind: 'edit', run: draft }, ...permitted] : permitted;
  if (refusal && !input.effects.some(isOpen))
    return result(input, record, refusedStatus(refusal, false), actions, left);
  const status = runningStatus(draft, targets.length, refusal?.message ?? note);
  const wake = refusal ? left : Math.min(left, untilNextStrike(input, draft));
  return result(input, record, status, actions, wake);
}

/** What was taken out while the run went on (a hold, say) goes back in only if it may be there beside what others put in meanwhile. */
function withoutConflicts(
  input: PlanInput,
  changes: Action[],
): { permitted: Action[]; refusal: Refusal | undefined } {
  const wasOut = (change: Action) =>
    change.kind === 'inject' &&
    input.effects.some(
      ({ target, slot, phase }) =>
        target.id === change.target.id && slot === change.slot && phase === 'recovered',
    );
  const returning = changes.filter((change) => change.kind === 'inject').filter(wasOut);
  if (returning.length === 0) return { permitted: changes, refusal: undefined };
  const refusal = refuseReturn(returning, input.name, input.others, input.world.containers);
  return { permitted: refusal ? changes.filter((change) => !wasOut(change)) : changes, refusal };
}

/** A target that is down is not waited for by time: its start brings us back. */
function untilNextStrike({ effects, clock, world }: PlanInput, { faults }: RunDraft): number {
  const due = effects
    .filter(({ slot }) => faults.some((fault) => fault.slot === slot))
    .filter(({ target }) => world.containers.some(({ id, state }) => id === target.id && state === 'running'))
    .map((effect) => nextStrike(faultKind(effect.fault.type), effect, clock.now()))
    .filter((time) => time !== undefined);
  return due.length === 0 ? Number.POSITIVE_INFINITY : Math.max(0, Math.min(...due) - clock.now());
}

function planEnding(input: PlanInput, record: ExperimentRecord, run: Run): Plan {
  const pending = input.effects.filter(isOpen);
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
  if (run.reason === 'Deleted' && failed.length === 0)
    return { actions: [finish, { kind: 'forget' }], record: undefined, lookups: [], wakeAfter: undefined };
  return result(input, record, endedStatus(ended, input.effects), [finish]);
}

function end(
  input: PlanInput,
  record: ExperimentRecord,
  outcome: RunPhase,
  reason: string,
  message: string,
): Plan {
  const why: RecoverReason =
    reason === 'Deleted' ? 'deleted' : reason === 'DeadlineReached' ? 'deadline' : 'denied';
  const status: Status = { phase: 'Recovering', reason, message };
  const actions: Action[] = [{ kind: 'end', outcome, reason, message }, ...recoveries(input.effects, why)];
  return result(input, record, status, actions);
}

/** In reverse of the order they went in. */
function recoveries(effects: readonly Effect[], reason: RecoverReason): Action[] {
  return effects
    .filter(isOpen)
    .map((effect): Action => ({ kind: 'recover', effect, reason }))
    .reverse();
}

function names(containers: readonly Container[]): string {
  return containers.map(({ name }) => name).join(', ');
}
