import type { Effect, ExperimentRecord, Run, RunPhase } from '../core/types.ts';
import type { Action, Plan, RecoverReason, Refusal } from './actions.ts';
import { isOpen } from './effects.ts';
import type { PlanInput } from './input.ts';
import { endedStatus, result } from './outcome.ts';
import type { Status } from './status.ts';

/** The plan of a run that is over: recover what is left, then it has its phase. */
export function planEnding(input: PlanInput, record: ExperimentRecord, run: Run): Plan {
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
  return result(input, record, endedStatus(ended, input.effects, record), [finish]);
}

/** The run ends now, and all of it is recovered. `stop`: why it is not permitted any more, where that is why. */
export function end(
  input: PlanInput,
  record: ExperimentRecord,
  outcome: RunPhase,
  { reason, message }: Pick<Refusal, 'reason' | 'message'>,
  stop?: Refusal,
): Plan {
  const why: RecoverReason =
    reason === 'Deleted' ? 'deleted' : reason === 'DeadlineReached' ? 'deadline' : 'denied';
  const status: Status = { phase: 'Recovering', reason, message, ...(stop && { stop }) };
  const actions: Action[] = [{ kind: 'end', outcome, reason, message }, ...recoveries(input.effects, why)];
  return result(input, record, status, actions);
}

/** In reverse of the order they went in. */
export function recoveries(effects: readonly Effect[], reason: RecoverReason): Action[] {
  return effects
    .filter(isOpen)
    .map((effect): Action => ({ kind: 'recover', effect, reason }))
    .reverse();
}
