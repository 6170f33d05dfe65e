import { type Clock, type Deadline, wallOf } from '../../core/clock.ts';

/** ms by which two readings of one deadline may differ and still mean the same. */
export const DEADLINE_SLACK = 150;

/** ms; less than DEADLINE_SLACK by more than the 10 ms that /proc/uptime counts in. */
const SNAP = 100;

/** Readings of the two clocks; one that was interrupted between them is too early, never too late. */
const READINGS = 3;

/**
 * The deadline on the wall clock. Computed through boot time it trembles, which would look like drift: the value of the journal
 * stands until somebody stepped the clock.
 */
export function steadyWall(clock: Clock, deadline: Deadline): number {
  let latest = Number.NEGATIVE_INFINITY;
  for (let reading = 0; reading < READINGS; reading++) {
    latest = Math.max(latest, wallOf(clock, deadline));
    if (Math.abs(latest - deadline.wall) <= SNAP) return deadline.wall;
  }
  return latest;
}
