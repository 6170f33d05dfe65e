/** Runs a job by key: one at a time each, and once more where it was asked for meanwhile. */
export interface Coalescer {
  /**
   * Resolves when a job that began after this call has ended; rejects as it does. Of the reasons given while one waits
   * its turn the last one counts.
   */
  run(key: string, reason: string): Promise<void>;
}

interface Lane {
  /** What waits for the running job to end. */
  next: { reason: string; done: Promise<void> } | undefined;
  running: Promise<void>;
}

export function createCoalescer(job: (key: string, reason: string) => Promise<void>): Coalescer {
  const lanes = new Map<string, Lane>();

  const begin = (key: string, reason: string): Promise<void> => {
    const lane: Lane = { next: undefined, running: job(key, reason) };
    lanes.set(key, lane);
    const leave = () => {
      if (!lane.next) lanes.delete(key);
    };
    lane.running.then(leave, leave);
    return lane.running;
  };
  const queue = (key: string, lane: Lane, reason: string): Promise<void> => {
    const again = () => begin(key, lane.next?.reason ?? reason);
    const done = lane.running.then(again, again);
    lane.next = { reason, done };
    return done;
  };
  return {
    run: (key, reason) => {
      const lane = lanes.get(key);
      if (!lane) return begin(key, reason);
      if (!lane.next) return queue(key, lane, reason);
      lane.next.reason = reason;
      return lane.next.done;
    },
  };
}
