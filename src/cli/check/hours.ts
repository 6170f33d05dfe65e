import { formatDuration } from '../../core/duration.ts';
import { DAY } from '../../core/zone.ts';
import { openUntil, type Windows } from '../../plan/policy/windows.ts';

/** ms of the future that is compared: a year brings each date and each change of the clocks once. */
const AHEAD = 366 * DAY;
const WEEK = 7 * DAY;

/** Whether chaos may run by `a` only when it may by `b`, for a year from now. */
export function isWithinHours(a: readonly Windows[], b: readonly Windows[], now: number): boolean {
  for (let at = now; at < now + AHEAD; ) {
    const [one, other] = [openingOf(a, at), openingOf(b, at)];
    if (one.open && !other.open) return false;
    at = Math.min(one.until, other.until);
  }
  return true;
}

/** `open 40h of the coming week` */
export function hoursText(windows: readonly Windows[], now: number): string {
  if (windows.length === 0) return 'at any time';
  let open = 0;
  for (let at = now; at < now + WEEK; ) {
    const state = openingOf(windows, at);
    const until = Math.min(state.until, now + WEEK);
    if (state.open) open += until - at;
    at = until;
  }
  return `${open === 0 ? 'not at all' : formatHours(open)} in the coming week`;
}

function formatHours(ms: number): string {
  const hours = Math.floor(ms / 3.6e6);
  return hours < 24 ? formatDuration(ms) : `${hours}h`;
}

/** All must be open. Infinity where nothing changes any more. */
function openingOf(windows: readonly Windows[], at: number): { open: boolean; until: number } {
  const states = windows.map((one) => openUntil(one, at));
  return {
    open: states.every(({ open }) => open),
    until: Math.min(Number.POSITIVE_INFINITY, ...states.map(({ until }) => until)),
  };
}
