import { hash } from '../core/canonical.ts';
import type { Cron } from './slots.ts';

/** The name of what a schedule starts for a slot: one slot, one name, so that no slot can start twice. */
export function slotName(schedule: string, slot: number): string {
  return `${schedule}-${Math.floor(slot / 1000)}`;
}

const HASH_DIGITS = 12;

/** Wall ms: the slot and a delay in [0, jitter) that follows from uid and slot, the same after a restart and on any host. */
export function startOf(uid: string, slot: number, jitter: number): number {
  if (jitter === 0) return slot;
  const share = Number.parseInt(hash(`${uid}/${slot}`, HASH_DIGITS), 16) / 16 ** HASH_DIGITS;
  return slot + Math.floor(share * jitter);
}

/** A slot, and when it is due. Wall ms, both. */
export interface Due {
  slot: number;
  /** Its own delayed start, or that of an earlier slot where jitter put that one later: slots are due in their order. */
  at: number;
}

/**
 * The slots after `after` with the times at which they are due, in order, as long as there are any. A slot waits for those before it, so the
 * delay is in [0, jitter) still: an earlier one starts before its own slot + jitter.
 */
export function* dueTimes(cron: Cron, uid: string, jitter: number, after: number): Generator<Due> {
  // What was before `after - jitter` has started by `after`, whatever its delay.
  let at = Number.NEGATIVE_INFINITY;
  for (let slot = cron.next(after - jitter); slot !== undefined; slot = cron.next(slot)) {
    at = Math.max(at, startOf(uid, slot, jitter));
    if (slot > after) yield { slot, at };
  }
}

/** The same for one slot. */
export function dueTime(cron: Cron, uid: string, jitter: number, slot: number): Due {
  const [due] = dueTimes(cron, uid, jitter, slot - 1);
  return due ?? { slot, at: startOf(uid, slot, jitter) };
}
