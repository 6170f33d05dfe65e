import { formatDuration } from '../../core/duration.ts';
import type { Refusal } from '../actions.ts';
import type { Limits } from './limits.ts';
import { openUntil } from './windows.ts';
import { when } from './words.ts';

type Hours = Limits['windows'];

/**
 * ms by which a run may be meant to last beyond the end of a window: one that is as long as the window can't begin at its very first
 * moment. At the end of the window it is over all the same.
 */
export const GRACE = 1000;
/** Openings that are looked at for one that is long enough. */
const MOST_OPENINGS = 100;

interface State {
  /** All windows are open. */
  open: boolean;
  /** The next instant at which that may be otherwise. */
  until: number;
  /** The Policy that is shut, or that shuts first. */
  policy: Hours[number];
}

/** Undefined where no Policy has windows. */
function stateOf(hours: Hours, now: number): State | undefined {
  let found: State | undefined;
  for (const policy of hours) {
    const { open, until } = openUntil(policy.windows, now);
    const state = { open, until, policy };
    if (!found || (found.open && !open)) found = state;
    else if (found.open === open && (open ? until < found.until : until > found.until)) found = state;
  }
  return found;
}

/** The windows must hold a run that still takes `left` ms as a whole. */
export function refuseHours({ windows }: Limits, now: number, left: number): Refusal | undefined {
  const state = stateOf(windows, now);
  if (!state || (state.open && fits(state.until - now, left))) return undefined;
  return outside(windows, state, now, left);
}

/** Chaos that runs while a window is shut; `over` where it had come to its end anyhow. */
export function endHours(
  { windows }: Limits,
  now: number,
  left: number,
): (Refusal & { over: boolean }) | undefined {
  const state = stateOf(windows, now);
  if (!state || state.open) return undefined;
  return { ...outside(windows, state, now, 0), over: left <= GRACE };
}

/** ms until the first window ends; Infinity where none does. */
export function hoursLeft({ windows }: Limits, now: number): number {
  const state = stateOf(windows, now);
  return state ? state.until - now : Number.POSITIVE_INFINITY;
}

function fits(time: number, left: number): boolean {
  return time + GRACE >= left;
}

function outside(hours: Hours, state: State, now: number, left: number): Refusal {
  const next = nextFit(hours, now, left);
  const { policy, windows } = state.policy;
  const what = state.open
    ? `the window ends in ${formatDuration(state.until - now)}, the run needs ${formatDuration(left)}`
    : 'chaos may not run now';
  const message = `Policy ${policy}: ${what}; ${opens(state, next, now, left, windows.timeZone)}`;
  const refusal: Refusal = { code: 'SQ219', reason: 'OutsideWindow', message };
  return next === undefined ? refusal : { ...refusal, retryAfter: next - now };
}

function opens(state: State, next: number | undefined, now: number, left: number, timeZone: string): string {
  if (next !== undefined) return `${state.open ? 'next' : 'opens'} ${when(next, now, timeZone)}`;
  if (!state.open && !Number.isFinite(state.until)) return 'no window opens in the years to come';
  return `no window is as long as ${formatDuration(left)}`;
}

/** The first instant from which all windows are open for so long. */
function nextFit(hours: Hours, now: number, left: number): number | undefined {
  let at = now;
  for (let openings = 0; openings < MOST_OPENINGS && Number.isFinite(at); openings += 1) {
    const state = stateOf(hours, at);
    if (!state || (state.open && fits(state.until - at, left))) return at;
    at = state.until;
  }
  return undefined;
}
