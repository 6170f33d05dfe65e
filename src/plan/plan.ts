import type { ExperimentRecord } from '../core/types.ts';
import type { Plan, Refusal, RunDraft } from './actions.ts';
import { planActive } from './active.ts';
import { diffEffects } from './effects.ts';
import { guard } from './guard.ts';
import type { PlanInput } from './input.ts';
import { endedStatus, heldStatus, inheritedStatus, refusedStatus, result, runningStatus } from './outcome.ts';
import { askedOf, missingLookups, refuseFaults, seedOf, times } from './permit.ts';
import { consentOf } from './policy/consent.ts';
import { limitsOf } from './policy/limits.ts';
import { assignSlots } from './slots.ts';
import { accept, type Status } from './status.ts';
import { refOf, type Selection, selectTargets } from './targets.ts';

export type { PlanInput } from './input.ts';

/** (desired, observed, policy, now) -> actions. The same function serves the daemon, `squall plan`, `squall diff` and the tests. */
export function planExperiment(input: PlanInput): Plan {
  const record = accept(input);
  if (!record) return { actions: [], record: undefined, lookups: [], wakeAfter: undefined };
  const { run } = input;
  if (run && run.endedAt === null) return planActive(input, record, run);
  if (!input.manifest && run && input.effects.some(({ phase }) => phase !== 'recovered'))
    return result(input, record, endedStatus(run, input.effects, record));
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
  const over = run && run.generation === record.generation && !record.runRequested;
  // what an owner started runs once: there is nothing left to hold
  if (over && record.owner) return rest(endedStatus(run, input.effects));
  if (manifest?.conflict) return rest({ phase: 'Invalid', reason: 'NameTaken', message: manifest.conflict });
  if (input.halted)
    return rest({
      phase: 'Halted',
      reason: 'HaltedAll',
      message: 'all chaos is halted: `squall resume --all` lifts it',
    });
  const held = record.hold ? heldStatus(record) : inheritedStatus(input);
  if (held) return rest(held);
  if (!record.runRequested) {
    if (record.spec.suspend) {
      const message = `spec.suspend is true: \`squall run ${record.name}\` starts it`;
      return rest({ phase: 'Suspended', reason: 'Suspended', message });
    }
    if (run && run.generation === record.generation) return rest(endedStatus(run, input.effects, record));
  }
  if (manifest?.stale) return rest({ phase: 'Invalid', reason: 'Stale', message: manifest.stale });
  return planStart(input, record);
}

/** What starts a run that nobody asked for by name. */
function triggerOf({ owner }: ExperimentRecord): string {
  return owner ? `${owner.kind.toLowerCase()}/${owner.name}` : 'manifest';
}

function planStart(input: PlanInput, record: ExperimentRecord): Plan {
  const { spec } = record;
  const refused = (refusal: Refusal, wait = false) =>
    result(input, { ...record, runRequested: null }, refusedStatus(refusal, wait));
  const { blocked } = limitsOf(input.policies);
  if (blocked) return refused(blocked);
  const id = `${record.name}-${input.fresh.runNumber}`;
  const selection = selectTargets(spec, consentOf(input), seedOf(record, id));
  const { chosen, shortfall } = selection;
  if (shortfall) return refused(shortfall.refusal, shortfall.wait);
  const run: RunDraft = {
    id,
    generation: record.generation,
    trigger: record.runRequested ?? triggerOf(record),
    template: spec.suspend === true,
    ...times(spec),
    faults: assignSlots([], spec.faults, 0),
    targets: chosen.map(refOf),
  };
  const denied = guard(input, askedOf(run, selection, spec.blastRadius, run.duration));
  if (denied) return refused(denied);
  const lookups = missingLookups(chosen, spec.faults, input.world);
  if (lookups.length > 0) return { actions: [], record, lookups, wakeAfter: undefined };
  const refusal = refuseFaults(input, chosen, run.faults);
  return refusal ? refused(refusal) : start(input, record, run, selection);
}

function start(input: PlanInput, record: ExperimentRecord, run: RunDraft, selection: Selection): Plan {
  const { observations, world, clock, manifest, halted } = input;
  const { chosen, leftOut } = selection;
  const injections = diffEffects({
    observations,
    world,
    now: clock.now(),
    deadline: clock.now() + run.duration,
    targets: chosen,
    joined: new Set(),
    faults: run.faults,
    effects: [],
  });
  const started = { ...record, runId: run.id, runRequested: null };
  const status = runningStatus(run, chosen.length, leftOut);
  const facts = { manifest, clock, halted, effects: [] };
  return result(facts, started, status, [{ kind: 'start', run }, ...injections]);
}
