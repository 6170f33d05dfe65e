import type { Clock } from '../core/clock.ts';
import type { Notice } from './notice.ts';

/** What waits for one target: a batch that is being sent, and what came after it. In order of ids. */
export interface Outbox {
  /** Takes what is new; `upTo` is the id of the last event that was looked at. What it holds already it doesn't take again. */
  add(notices: readonly Notice[], upTo: number): void;
  /** What is to be sent: the same as last time, so that a receiver knows it again, until it is done or something of it is dropped. */
  batch(): readonly Notice[];
  /** The batch is delivered, or given up. Gives how many it was. */
  done(): number;
  /** Drops those over the limit, oldest first, but none of a batch that is under way. Gives how many. */
  dropExcess(underWay: boolean): number;
  /** Drops what has waited too long. Gives how many. Not while a batch is under way. */
  dropLate(): number;
  size(): number;
  /** Id of the last event that is done with, whatever waits after it. */
  settled(): number;
}

/** Notices that wait at most. */
const MOST_WAITING = 1000;
/** ms that a notice waits at most. */
const LONGEST_WAIT = 3_600_000;

interface Waiting {
  notice: Notice;
  /** Boot ms: no step of the wall clock makes it old, and after a restart it has all its time again. */
  since: number;
}

/** `last`: id of the last event that is done with. `most`: notices of a batch. */
export function createOutbox(last: number, most: number, clock: Pick<Clock, 'boot'>): Outbox {
  let sending: Waiting[] = [];
  let queue: Waiting[] = [];
  let seen = last;

  function thaw(): void {
    queue = [...sending, ...queue];
    sending = [];
  }

  return {
    add: (notices, upTo) => {
      const since = clock.boot();
      for (const notice of notices) if (notice.id > seen) queue.push({ notice, since });
      seen = Math.max(seen, upTo);
    },
    batch: () => {
      if (sending.length === 0) sending = queue.splice(0, Math.min(most, queue.length));
      return sending.map(({ notice }) => notice);
    },
    done: () => {
      const { length } = sending;
      sending = [];
      return length;
    },
    dropExcess: (underWay) => {
      const excess = queue.length + (underWay ? 0 : sending.length) - MOST_WAITING;
      if (excess <= 0) return 0;
      if (!underWay) thaw();
      return queue.splice(0, excess).length;
    },
    dropLate: () => {
      const late = ({ since }: Waiting) => clock.boot() - since >= LONGEST_WAIT;
      if (![...sending, ...queue].some(late)) return 0;
      thaw();
      const before = queue.length;
      queue = queue.filter((one) => !late(one));
      return before - queue.length;
    },
    size: () => sending.length + queue.length,
    settled: () => {
      const first = sending[0] ?? queue[0];
      return first ? first.notice.id - 1 : seen;
    },
  };
}
