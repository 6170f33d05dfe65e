import { remaining } from '../../core/clock.ts';
import { formatDuration } from '../../core/duration.ts';
import type { ExperimentRecord, FaultSpec, Run } from '../../core/types.ts';
import type { Refusal } from '../actions.ts';
import type { PlanInput } from '../input.ts';
import { endBudget } from './budget.ts';
import { consentOf, refuseSharers, refuseTargets } from './consent.ts';
import { endCrowd, refuseRuns } from './crowd.ts';
import { endHours } from './hours.ts';
import { type Limits, limitsOf } from './limits.ts';
import { endShares } from './shares.ts';

/** Why a run that is under way must end now; `over` where that is no loss, for it had come to its end. */
export type Stop = Refusal & { over?: boolean };

/**
 * What the Policies say to a run as it is: one that was permitted may not be any more, because a Policy was tightened, a window
 * ended, the gate fails, or the world changed. A Policy that nobody can read ends nothing; the others still count.
 */
export function stopOf(input: PlanInput, record: ExperimentRecord, run: Run): Stop | undefined {
  const limits = limitsOf(input.policies);
  const consent = consentOf(input);
  const faults = run.faults.map(({ fault }) => fault);
  const targets = input.world.containers.filter(({ id }) => run.targets.some((target) => target.id === id));
  return (
    refuseGate(input, run) ??
    refuseFaults(limits, faults) ??
    refuseDuration(limits, run.duration) ??
    endHours(limits, input.clock.now(), remaining(input.clock, run.deadline)) ??
    refuseTargets(targets, consent) ??
    refuseSharers(faults, targets, consent) ??
    refuseRuns(input, limits, run) ??
    endCrowd(input, limits, run) ??
    endShares(input, limits, record, run) ??
    endBudget(input, limits, run)
  );
}

/** Nothing starts before the gate is known to hold; what runs is ended where it is known not to. */
export function refuseGate({ gate }: Pick<PlanInput, 'gate'>, run?: Run): Refusal | undefined {
  if (gate.holds || (run && gate.known === false)) return undefined;
  return { code: 'SQ220', reason: 'HealthGate', message: gate.message };
}

export function refuseFaults({ faults }: Limits, wanted: readonly FaultSpec[]): Refusal | undefined {
  for (const { type } of wanted) {
    const against = faults.find(
      ({ allow, deny }) => (allow && !allow.includes(type)) || deny?.includes(type),
    );
    if (!against) continue;
    return {
      code: 'SQ213',
      reason: 'FaultNotAllowed',
      message: `Policy ${against.policy} does not allow ${type}`,
    };
  }
  return undefined;
}

/** ms from the start of a run to its deadline. */
export function refuseDuration({ maxDuration }: Limits, duration: number): Refusal | undefined {
  if (!maxDuration || duration <= maxDuration.value) return undefined;
  const allowed = formatDuration(maxDuration.value);
  const message = `Policy ${maxDuration.policy}: maxDuration allows ${allowed}, the run takes ${formatDuration(duration)}`;
  return { code: 'SQ214', reason: 'TooLong', message };
}
