import type { Clock } from '../core/clock.ts';
import { describeError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { eachOf } from '../core/parallel.ts';
import type { Container } from '../core/types.ts';
import { hostKey } from '../faults/fault.ts';
import type { Lookup } from '../plan/actions.ts';

/** Asks the target's own resolver. */
export type ResolveInTarget = (container: Container, host: string) => Promise<string[]>;

/** Answers of containers' own resolvers, kept while runs use them. */
export interface HostCache {
  answers(): ReadonlyMap<string, readonly string[]>;
  resolve(lookups: readonly Lookup[]): Promise<void>;
  /** Asks again for every name held for this container; true where an answer changed. A name that fails keeps its last answer. */
  refresh(container: Container): Promise<boolean>;
  forget(containerId: string): void;
}

/** ms for which "does not resolve" is believed before a start asks again. */
const NEGATIVE_TTL = 5000;
const LOOKUPS_AT_ONCE = 8;

export function createHostCache(clock: Clock, log: Log, ask: ResolveInTarget): HostCache {
  const answers = new Map<string, readonly string[]>();

  async function lookup({ container, host }: Lookup): Promise<string[]> {
    try {
      return (await ask(container, host)).sort();
    } catch (error) {
      log.warn({ target: container.name, host, error: describeError(error) }, 'host name not resolved');
      return [];
    }
  }

  async function resolve(lookups: readonly Lookup[]): Promise<void> {
    await eachOf(lookups, LOOKUPS_AT_ONCE, async (wanted) => {
      const found = await lookup(wanted);
      const key = hostKey(wanted.container.id, wanted.host);
      answers.set(key, found);
      if (found.length === 0)
        clock.after(NEGATIVE_TTL, () => answers.get(key)?.length === 0 && answers.delete(key));
    });
  }

  async function refresh(container: Container): Promise<boolean> {
    const keys = [...answers.keys()].filter((key) => key.startsWith(`${container.id}/`));
    const changed = await eachOf(keys, LOOKUPS_AT_ONCE, async (key) => {
      const found = await lookup({ container, host: key.slice(container.id.length + 1) });
      if (found.length === 0 || String(found) === String(answers.get(key))) return false;
      answers.set(key, found);
      return true;
    });
    return changed.includes(true);
  }

  function forget(containerId: string): void {
    for (const key of answers.keys()) if (key.startsWith(`${containerId}/`)) answers.delete(key);
  }

  return { answers: () => answers, resolve, refresh, forget };
}
