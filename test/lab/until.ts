import { setTimeout as sleep } from 'node:timers/promises';

type Probe<T> = () => Promise<T | undefined | false | null> | T | undefined | false | null;

/**
 * Asks `probe` every `everyMs` until its answer is neither undefined, false nor null, and gives that answer.
 * Rejects after `timeoutMs`, naming `what` was waited for and the last error that `probe` threw.
 */
export async function until<T>(what: string, probe: Probe<T>, timeoutMs = 10_000, everyMs = 10): Promise<T> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await probe();
      if (answer !== undefined && answer !== false && answer !== null) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= end) {
      const why = last instanceof Error ? `: ${last.message}` : '';
      throw new Error(`waited ${timeoutMs} ms for ${what}${why}`, { cause: last });
    }
    await sleep(everyMs);
  }
}
