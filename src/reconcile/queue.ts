import type { Clock } from '../core/clock.ts';

/**
 * A work queue keyed by name, after client-go's: `waiting` in order, `dirty` what must be worked on, `processing` what is. A key
 * added while it is worked on is worked on once more afterwards; it is never worked on twice at once, and duplicates collapse.
 */
export interface WorkQueue {
  add(key: string): void;
  /** Adds the key once `ms` have passed; an earlier time given before or later wins. */
  addAfter(key: string, ms: number): void;
  /** Keys that wait or are worked on. */
  depth(): number;
  /** Takes no more keys; resolves when what is worked on is finished. */
  drain(): Promise<void>;
  /** Resolves when nothing waits and nothing is worked on (delayed keys do not count). */
  idle(): Promise<void>;
}

export interface QueueOptions {
  /** Boot time: timers follow it, and a step of the wall clock must not make a later key look like an earlier one. */
  clock: Pick<Clock, 'after' | 'boot'>;
  workers: number;
  /** Must not reject: the worker decides what an error means. */
  work: (key: string) => Promise<void>;
}

interface Delay {
  due: number;
  cancel: () => void;
}

export function createQueue({ clock, workers, work }: QueueOptions): WorkQueue {
  const waiting: string[] = [];
  const dirty = new Set<string>();
  const processing = new Set<string>();
  const delayed = new Map<string, Delay>();
  let watchers: (() => void)[] = [];
  let open = true;

  function add(key: string): void {
    if (!open || dirty.has(key)) return;
    dirty.add(key);
    if (!processing.has(key)) {
      waiting.push(key);
      pump();
    }
  }

  function addAfter(key: string, ms: number): void {
    if (!open) return;
    const now = clock.boot();
    const before = delayed.get(key);
    const due = Math.min(now + ms, before?.due ?? Number.POSITIVE_INFINITY);
    // One that is past already (the machine was suspended: timers stood still, boot time did not) is armed anew.
    if (before && before.due === due && due > now) return;
    before?.cancel();
    const cancel = clock.after(Math.max(due - now, 0), () => {
      delayed.delete(key);
      add(key);
    });
    delayed.set(key, { due, cancel });
  }

  function pump(): void {
    while (processing.size < workers && waiting.length > 0) {
      const key = waiting.shift() as string;
      dirty.delete(key);
      processing.add(key);
      void work(key).finally(() => done(key));
    }
  }

  function done(key: string): void {
    processing.delete(key);
    if (dirty.has(key) && open) waiting.push(key);
    pump();
    if (processing.size > 0 || waiting.length > 0) return;
    const resolved = watchers;
    watchers = [];
    for (const resolve of resolved) resolve();
  }

  function idle(): Promise<void> {
    if (processing.size === 0 && waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => watchers.push(resolve));
  }

  return {
    add,
    addAfter,
    depth: () => waiting.length + processing.size,
    idle,
    drain: () => {
      open = false;
      waiting.length = 0;
      for (const { cancel } of delayed.values()) cancel();
      delayed.clear();
      return idle();
    },
  };
}
