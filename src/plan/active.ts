import { sameJson } from '../core/canonical.ts';
import { remaining } from '../core/clock.ts';
import type { Container, ExperimentRecord, Run } from '../core/types.ts';
import { faultKind } from '../faults/index.ts';
import type { Action, Plan, Refusal, RunDraft } from './actions.ts';
import { refuseReturn } from './collisions.ts';
import { diffEffects, isOpen, nextStrike } from './effects.ts';
import { end, planEnding, recoveries } from './ending.ts';
import { guard } from './guard.ts';
import type { PlanInput } from './input.ts';
import { heldStatus, inheritedStatus, refusedStatus, result, runningStatus } from './outcome.ts';
import { askedOf, missingLookups, refuseFaults, seedOf, times } from './permit.ts';
import { consentOf } from './policy/consent.ts';
import { type Stop, stopOf } from './policy/enforce.ts';
import { hoursLeft } from './policy/hours.ts';
import { limitsOf } from './policy/limits.ts';
import { assignSlots } from './slots.ts';
import type { Status } from './status.ts';
import { refOf, type Selection, selectTargets } from './targets.ts';

/** The plan of an object whose run has not ended: hold it, end it, take up an edit, or keep it as it should be. */
export function planActive(input: PlanInput, record: ExperimentRecord, run: Run): Plan {
  if (run.phase === 'Recovering') return planEnding(input, record, run);
  const left = remaining(input.clock, run.deadline);
  if (!input.manifest)
    return end(input, record, 'Halted', { reason: 'Deleted', message: 'the manifest is gone' });
  const held = holdOf(input, record, run);
  if (left <= 0) {
    const message = held ? 'the deadline passed while it was held' : 'ran for its duration';
    return end(input, record, held ? 'Halted' : 'Completed', { reason: 'DeadlineReached', message });
  }
  if (held) return result(input, record, held, recoveries(input.effects, 'held'), left);
  if (run.generation !== record.generation) return planEdit(input, record, run);
  const stop = stopOf(input, record, run);
  if (stop) return endStopped(input, record, stop);
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
  const held = record.hold ? heldStatus(record) : inheritedStatus(input);
  if (held) return held;
  if (record.spec.suspend && !run.template) {
    return { phase: 'Suspended', reason: 'Suspended', message: 'spec.suspend is true' };
  }
  return undefined;
}

/** No Policy permits it any more. One that had come to its end anyhow is complete. */
function endStopped(input: PlanInput, record: ExperimentRecord, { over, ...stop }: Stop): Plan {
  if (!over) return end(input, record, 'Aborted', stop, stop);
  const message = 'ran for its duration, to the end of the window';
  return end(input, record, 'Completed', { reason: 'DeadlineReached', message });
}

/** An edited spec: what both versions want stays, the rest is changed. Where the guard refuses the new one, the run ends. */
function planEdit(input: PlanInput, record: ExperimentRecord, run: Run): Plan {
  const { spec } = record;
  const selection = reselect(input, record, run);
  const { chosen, shortfall } = selection;
  if (shortfall) return endDenied(input, record, shortfall.refusal);
  const firstFree =
    1 + Math.max(-1, ...run.faults.map(({ slot }) => slot), ...input.effects.map(({ slot }) => slot));
  const draft: RunDraft = {
    id: run.id,
    generation: record.generation,
    trigger: run.trigger,
    template: run.template,
    ...times(spec),
    faults: assignSlots(run.faults, spec.faults, firstFree),
    targets: chosen.map(refOf),
  };
  const denied = guard(input, askedOf(draft, selection, spec.blastRadius, leftOf(input, run, draft), run));
  if (denied) return endDenied(input, record, denied);
  const lookups = missingLookups(chosen, spec.faults, input.world);
  if (lookups.length > 0) return { actions: [], record, lookups, wakeAfter: undefined };
  const refusal = refuseFaults(input, chosen, draft.faults, run);
  if (refusal) return endDenied(input, record, refusal);
  return upkeep(input, record, run, { draft, targets: chosen, note: selection.leftOut });
}

/** The choice is made once a run: where the edit does not touch `targets`, the run keeps the ones it has. */
function reselect(input: PlanInput, record: ExperimentRecord, run: Run): Selection {
  const { targets } = record.spec;
  const seed = seedOf(record, run.id);
  const selection = selectTargets(record.spec, consentOf(input), seed, run.targets);
  if (targets.mode === 'all' || !sameJson(targets, input.record?.spec.targets)) return selection;
  return { ...selection, chosen: targetsOf(input, run), shortfall: undefined };
}

/** The run's targets that still exist. */
function targetsOf({ world }: PlanInput, run: Run): Container[] {
  return world.containers.filter(({ id }) => run.targets.some((target) => target.id === id));
}

function endDenied(input: PlanInput, record: ExperimentRecord, refusal: Refusal): Plan {
  // The old generation ends here; the new one has not run, and starts when it is permitted.
  const stop = { ...refusal, message: `the edited spec is refused: ${refusal.message}` };
  return end(input, record, 'Aborted', stop, stop);
}

/** Same spec, moved world: newly matching containers join (mode all), the rest is diffed. */
function planUpkeep(input: PlanInput, record: ExperimentRecord, run: Run): Plan {
  const known = targetsOf(input, run);
  const faults = run.faults.map(({ fault }) => fault);
  const up = known.filter(({ pid }) => pid > 0);
  const unasked = missingLookups(up, faults, input.world);
  if (unasked.length > 0) return { actions: [], record, lookups: unasked, wakeAfter: undefined };
  if (record.spec.targets.mode !== 'all') return upkeep(input, record, run, { draft: run, targets: known });
  const selection = selectTargets(record.spec, consentOf(input), seedOf(record, run.id), run.targets);
  const { leftOut } = selection;
  const joined = selection.chosen.filter(({ id }) => !run.targets.some((target) => target.id === id));
  if (joined.length === 0) return upkeep(input, record, run, { draft: run, targets: known, note: leftOut });
  return planJoin(input, record, run, { ...selection, chosen: [...known, ...joined] }, joined);
}

/** Those that are refused are left alone; the run goes on without them. */
function planJoin(
  input: PlanInput,
  record: ExperimentRecord,
  run: Run,
  selection: Selection,
  joined: readonly Container[],
): Plan {
  const { chosen, leftOut } = selection;
  const draft: RunDraft = { ...run, targets: [...run.targets, ...joined.map(refOf)] };
  const asked = askedOf(draft, selection, record.spec.blastRadius, leftOf(input, run, draft), run);
  const refused = (refusal: Refusal) => {
    const known = chosen.filter((one) => !joined.includes(one));
    const alone = `${names(joined)} left alone: ${refusal.message}`;
    return upkeep(input, record, run, { draft: run, targets: known, note: alone });
  };
  const denied = guard(input, asked);
  if (denied) return refused(denied);
  const lookups = missingLookups(joined, record.spec.faults, input.world);
  if (lookups.length > 0) return { actions: [], record, lookups, wakeAfter: undefined };
  const refusal = refuseFaults(input, chosen, run.faults, run);
  if (refusal) return refused(refusal);
  const ids = new Set(joined.map(({ id }) => id));
  return upkeep(input, record, run, { draft, targets: chosen, joined: ids, note: leftOut });
}

/** ms from now to the deadline: start + new duration, by what has run and not by the wall clock. */
function leftOf({ clock }: PlanInput, run: Run, { duration }: RunDraft): number {
  return remaining(clock, run.deadline) + duration - run.duration;
}

/** The run as it is to be. */
interface Wanted {
  draft: RunDraft;
  targets: readonly Container[];
  /** Ids of targets that joined in this pass. */
  joined?: ReadonlySet<string>;
  note?: string | undefined;
}

function upkeep(input: PlanInput, record: ExperimentRecord, run: Run, wanted: Wanted): Plan {
  const { draft, targets, joined = new Set(), note } = wanted;
  const edited = draft.generation !== run.generation || draft.targets.length !== run.targets.length;
  const left = leftOf(input, run, draft);
  if (left <= 0) {
    const over = { reason: 'DeadlineReached', message: 'ran for its duration' };
    const ended = end(input, record, 'Completed', over);
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
  const strike = refusal ? Number.POSITIVE_INFINITY : untilNextStrike(input, draft);
  const wake = Math.min(left, strike, hoursLeft(limitsOf(input.policies), input.clock.now()));
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

function names(containers: readonly Container[]): string {
  return containers.map(({ name }) => name).join(', ');
}
