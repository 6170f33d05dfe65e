/** Exponential backoff with full jitter on its upper half: 100 ms, 200 ms, ... 30 s. */
export interface Backoff {
  /** ms to wait before the next try of this key. */
  next(key: string): number;
  /** It went well: the next failure starts small again. */
  reset(key: string): void;
}

const FIRST = 100;
const MOST = 30_000;

export function createBackoff(random: () => number = Math.random): Backoff {
  const failures = new Map<string, number>();
  return {
    next: (key) => {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      const ceiling = Math.min(MOST, FIRST * 2 ** Math.min(count, 16));
      return Math.floor(ceiling / 2 + (random() * ceiling) / 2);
    },
    reset: (key) => {
      failures.delete(key);
    },
  };
}
