import type { Clock } from '../core/clock.ts';

/** Answers by key, each for a while. */
export interface Memory<T> {
  recall(key: string): T | undefined;
  remember(key: string, value: T): void;
  /** Drops every key that begins with `prefix`. */
  forget(prefix: string): void;
}

/** `lifetime`: ms of boot time. Beyond `size` answers the one that was remembered first goes. */
export function createMemory<T>(
  clock: Pick<Clock, 'boot'>,
  { lifetime, size }: { lifetime: number; size: number },
): Memory<T> {
  const answers = new Map<string, { value: T; until: number }>();
  return {
    recall: (key) => {
      const answer = answers.get(key);
      if (answer && answer.until > clock.boot()) return answer.value;
      answers.delete(key);
      return undefined;
    },
    remember: (key, value) => {
      answers.delete(key);
      answers.set(key, { value, until: clock.boot() + lifetime });
      const [oldest] = answers.keys();
      if (answers.size > size && oldest !== undefined) answers.delete(oldest);
    },
    forget: (prefix) => {
      for (const key of answers.keys()) if (key.startsWith(prefix)) answers.delete(key);
    },
  };
}
