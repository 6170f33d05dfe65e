import { type Cron, countSlots, latestSlot } from './slots.ts';
import { type Due, dueTime, dueTimes } from './starts.ts';

/** Slots are counted up to here. A minute's cron reaches it in a week. */
const MOST_COUNTED = 10_000;

/** ms: what is looked at no later than this after it was due is on time. Slots without jitter are as far apart at least. */
export const ON_TIME = 1000;

/** The slots that are due and not done with. */
export interface Backlog {
  /** How many there are, `startable` included. */
  count: number;
  /** There are more than `count`. */
  more: boolean;
  /** Those that may start, in order: all that are on time, or else the latest. Empty if nothing is due. */
  startable: Due[];
  /** The first slot that is not due yet. */
  next: Due | undefined;
}

/** What of the slots after `doneUntil` is due at `now`. `jitter` in ms. */
export function backlogOf(cron: Cron, uid: string, jitter: number, doneUntil: number, now: number): Backlog {
  // Up to here slots are due and late, whatever their jitter: they are not looked at one by one.
  const lateUntil = Math.max(doneUntil, now - jitter - ON_TIME);
  const recent: Due[] = [];
  let next: Due | undefined;
  for (const due of dueTimes(cron, uid, jitter, lateUntil)) {
    if (due.at > now) {
      next = due;
      break;
    }
    recent.push(due);
  }
  const onTime = recent.filter(({ at }) => now - at < ON_TIME);
  const old = countSlots(cron, doneUntil, lateUntil, MOST_COUNTED);
  const counted = { count: old + recent.length, more: old === MOST_COUNTED, next };
  if (onTime.length > 0 || counted.count === 0) return { ...counted, startable: onTime };
  const slot = recent.at(-1)?.slot ?? (latestSlot(cron, lateUntil) as number);
  return { ...counted, startable: [dueTime(cron, uid, jitter, slot)] };
}
