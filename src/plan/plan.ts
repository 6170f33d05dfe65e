import type { ExperimentRecord } from '../core/types.ts';
import type { Plan, Refusal, RunDraft } from './actions.ts';
import { planActive } from './active.ts';
import { diffEffects } from './effects.ts';
import type { PlanInput } from './input.ts';
import { endedStatus, heldStatus, refusedStatus, result, runningStatus } from './outcome.ts';
import { missingLookups, refuse, seedOf, times } from './permit.ts';
import { assignSlots } from './slots.ts';
import { accept, type Status } from './status.ts';
import { selectTargets } from './targets.ts';

export type { PlanInput } from './input.ts';

/** (desired, observed, policy, now) -> actions. The same function serves the daemon, `squall plan`, `squall diff` and the tests. */
export function planExperiment(input: PlanInput): Plan {
  const record = accept(input);
  if (!record) return { actions: [], record: undefined, lookups: [], wakeAfter: undefined };
  const { run } = input;
  if (run && run.endedAt === null) return planActive(input, record, run);
  if (!input.manifest && run && input.effects.some(({ phase }) => phase !== 'recovered'))
    return result(input, record, endedStatus(run, input.effects));
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
  const rest = (status: Status) => result(input, { ...record, runRequested: null }, status);
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
  const id = `${record.name}-${input.fresh.runNumber}`;
  const selection = selectTargets(spec, input.world.containers, input.self, seedOf(record, id));
  if (selection.shortfall)
    return result(input, unasked, refusedStatus(selection.shortfall.refusal, selection.shortfall.wait));
  const lookups = missingLookups(selection.chosen, spec.faults, input.world);
  if (lookups.length > 0) return { actions: [], record, lookups, wakeAfter: undefined };
  const faults = assignSlots([], spec.faults, 0);
  const refusal = refuse(input, record, selection, faults);
  if (refusal) return result(input, unasked, refusedStatus(refusal, false));
  const run: RunDraft = {
    id,
    generation: record.generation,
    trigger: record.runRequested ?? 'manifest',
    template: spec.suspend === true,
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
