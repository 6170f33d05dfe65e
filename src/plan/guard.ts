import { SquallError } from '../core/errors.ts';
import type { Refusal } from './actions.ts';
import type { Asked } from './asked.ts';
import { refuseUses } from './collisions.ts';
import { hitBy } from './hit.ts';
import type { PlanInput } from './input.ts';
import { refuseBudget } from './policy/budget.ts';
import { consentOf, refuseSharers, refuseTargets } from './policy/consent.ts';
import { refuseCrowd, refuseRuns } from './policy/crowd.ts';
import { refuseDuration, refuseFaults, refuseGate } from './policy/enforce.ts';
import { refuseHours } from './policy/hours.ts';
import { limitsOf } from './policy/limits.ts';
import { refuseShares } from './policy/shares.ts';
import { names, plural } from './policy/words.ts';

export type { ForeignFault } from './foreign.ts';

/** Undefined where the whole selection is permitted: by the Policies, and by the experiment's own blastRadius. It is never trimmed. */
export function guard(input: PlanInput, asked: Asked): Refusal | undefined {
  const limits = limitsOf(input.policies);
  const consent = consentOf(input);
  const { faults, chosen, run } = asked;
  return (
    limits.blocked ??
    refuseFaults(limits, faults) ??
    refuseDuration(limits, asked.duration) ??
    refuseHours(limits, input.clock.now(), asked.left) ??
    refuseTargets(chosen, consent) ??
    refuseSharers(faults, chosen, consent) ??
    refuseUses(faults, chosen, input.others) ??
    refuseTotal(input, asked) ??
    refuseRuns(input, limits, run) ??
    refuseCrowd(input, limits, asked) ??
    refuseShares(input, limits, asked) ??
    refuseBudget(input, limits, asked) ??
    refuseGate(input, run) // last: it comes and goes, and is no news to what may not start anyhow
  );
}

function refuseTotal({ world }: PlanInput, { blastRadius, faults, chosen }: Asked): Refusal | undefined {
  const most = blastRadius?.maxTargets;
  if (most === undefined) return undefined;
  const hit = hitBy(faults, chosen, world.containers);
  if (hit.length <= most) return undefined;
  const message = `${plural(hit.length, 'container')} would be hit (${names(hit)}), maxTargets allows ${most}`;
  return { code: 'SQ204', reason: 'BlastRadius', message };
}

/** A fault's own word that it can't have this target. */
export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof SquallError)) throw error;
  const reason = error.code === 'SQ209' ? 'PeerUnresolved' : 'FaultRefuses';
  return {
    code: error.code,
    reason,
    message: error.hint ? `${error.message}. ${error.hint}` : error.message,
  };
}
