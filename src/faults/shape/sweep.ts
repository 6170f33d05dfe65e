import { DEVICE_PREFIX, type Mark } from '../../core/marks.ts';
import type { Container } from '../../core/types.ts';
import type { NetnsPort } from '../../runtime/netns.ts';
import { readIfbs } from '../../runtime/tc.ts';
import { hasDevices, remove } from './apply.ts';
import { markOfAlias } from './lane.ts';

/** A device of Squall's, as found in a namespace. */
export interface SeenDevice {
  device: string;
  /** What it says of itself; undefined where the alias is gone or not ours: not to be removed then. */
  mark: Mark | undefined;
}

type Subject = Pick<Container, 'id' | 'name' | 'pid'>;

/**
 * Every ifb device named `sq-...` in the container's namespace. Only looks, and runs no program where there is none. Throws SQ307 where it
 * is not running, SQ302 where the namespace is not its own.
 */
export function readDevices(netns: NetnsPort, container: Subject): Promise<SeenDevice[]> {
  return netns.enter(container, async (ns) => {
    if (!(await hasDevices(ns))) return [];
    const ifbs = (await readIfbs(ns)).filter(({ name }) => name.startsWith(DEVICE_PREFIX));
    return ifbs.map(({ name, alias }) => ({ device: name, mark: markOfAlias(alias) }));
  });
}

/** Removes those of `devices` that carry a mark when looked at again, with their filters. Returns the names that were removed. */
export async function removeDevices(
  netns: NetnsPort,
  container: Subject,
  devices: readonly string[],
): Promise<string[]> {
  if (devices.length === 0) return [];
  return netns.enter(container, async (ns) => {
    const seen = (await readIfbs(ns)).filter(
      ({ name, alias }) => devices.includes(name) && markOfAlias(alias),
    );
    const names = seen.map(({ name }) => name);
    if (names.length > 0) await remove(ns, names, { likely: [], drain: false });
    return names;
  });
}
