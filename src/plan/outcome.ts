import type { Effect, ExperimentRecord, Run } from '../core/types.ts';
import type { Action, Plan, Refusal, RunDraft } from './actions.ts';
import type { PlanInput } from './input.ts';
import { type Status, type StatusFacts, stopped, withStatus } from './status.ts';

export function result(
  input: StatusFacts,
  record: ExperimentRecord,
  status: Status,
  actions: Action[] = [],
  wakeAfter?: number,
): Plan {
  const after = wakeAfter ?? status.refusal?.retryAfter;
  const wake = after === undefined || !Number.isFinite(after) ? undefined : after;
  const plan = { actions, record: withStatus(input, record, status), lookups: [], wakeAfter: wake };
  return status.refusal ? { ...plan, refusal: status.refusal } : plan;
}

export function heldStatus({ name, hold }: ExperimentRecord): Status {
  const message = `${hold} by a person: \`squall resume ${name}\` lifts it`;
  if (hold === 'halted') return { phase: 'Halted', reason: 'Halted', message };
  return { phase: 'Suspended', reason: 'Suspended', message };
}

/** Held by what it is a copy of, or by its owner. */
export function inheritedStatus({ inherited }: PlanInput): Status | undefined {
  if (!inherited) return undefined;
  const { hold, by } = inherited;
  const message = `${by} is ${hold} by a person: \`squall resume ${by.toLowerCase()}\` lifts it`;
  if (hold === 'halted') return { phase: 'Halted', reason: 'Halted', message };
  return { phase: 'Suspended', reason: 'Suspended', message };
}

export function refusedStatus(refusal: Refusal, wait: boolean): Status {
  return { phase: wait ? 'Pending' : 'Denied', reason: refusal.reason, message: refusal.message, refusal };
}

export function runningStatus(run: RunDraft, targets: number, note?: string): Status {
  const types = [...new Set(run.faults.map(({ fault }) => fault.type))].join(', ');
  const message = `${types} on ${targets} container${targets === 1 ? '' : 's'}${note ? `; ${note}` : ''}`;
  return { phase: 'Running', reason: 'Injected', message };
}

export function endedStatus(run: Run, effects: readonly Effect[], before?: ExperimentRecord): Status {
  const failed = effects.filter(({ phase }) => phase === 'failed');
  const why = before && stopped(before, run.reason);
  const message =
    failed.length > 0
      ? failed.map(({ target, error }) => `${target.name}: ${error}`).join('; ')
      : `run ${run.id}${why ? `: ${why.message}` : ''}`;
  return { phase: run.phase, reason: run.reason, message };
}
