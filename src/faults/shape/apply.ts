import { SquallError } from '../../core/errors.ts';
import { DEVICE_PREFIX } from '../../core/marks.ts';
import { createTurns, together } from '../../core/parallel.ts';
import type { Netns } from '../../runtime/netns.ts';
import {
  batch,
  batchObjects,
  filterLine,
  filterRemoval,
  readIfbs,
  readTraffic,
  type Way,
  withObjects,
} from '../../runtime/tc.ts';
import {
  type Changes,
  changes,
  filterHandle,
  isEmpty,
  isOf,
  type Lane,
  PREF,
  removals,
  type Standing,
} from './lane.ts';
import { deviceNames } from './routes.ts';

/** Someone else may write between our look and our lines: look again. */
const ATTEMPTS = 3;

/** Of two experiments in one namespace the second sees what the first has done: one must not take away what the other stands on. */
const inTurn = createTurns<number>();

/** Reads what stands. `expected`: interfaces that most likely carry filters. */
export async function look(ns: Netns, expected: readonly string[] = []): Promise<Standing> {
  const ours = async () => ((await hasDevices(ns)) ? readIfbs(ns) : []);
  const [ifbs, traffic] = await together([ours(), readTraffic(ns, expected)]);
  return { ifbs, ...traffic };
}

/** Whether any device of Squall's is there: reads a file and runs no program. */
export async function hasDevices(ns: Netns): Promise<boolean> {
  return deviceNames(await ns.procNet('dev')).some((name) => name.startsWith(DEVICE_PREFIX));
}

/**
 * Turns what stands into these lanes, each step harmless without the next: the device, its qdisc, then the filters that send packets
 * there. `likely`: what stands, where the caller knows, which saves a look. Throws SQ306 where the kernel lacks something, SQ303
 * where it fails.
 */
export function apply(
  ns: Netns,
  lanes: readonly Lane[],
  devices: readonly string[],
  likely?: Standing,
): Promise<void> {
  return inTurn(ns.inode, async () => {
    // Any line, that of `lo` included, tells that this namespace knows IPv6.
    const ipv6 = (await ns.procNet('if_inet6')).trim() !== '';
    for (let attempt = 1; ; attempt++) {
      try {
        const now = (attempt === 1 && likely) || (await look(ns, interfacesIn(lanes)));
        return await carryOut(ns, changes(now, lanes, devices, ipv6));
      } catch (error) {
        if (!isPassing(error) || attempt === ATTEMPTS) throw error;
      }
    }
  });
}

function interfacesIn(lanes: readonly Lane[]): string[] {
  return [...new Set(lanes.flatMap(({ interfaces }) => interfaces))];
}

async function carryOut(
  ns: Netns,
  { links, qdiscs, filters, removals: gone, labels }: Changes,
): Promise<void> {
  await batch(ns, 'ip', links);
  const codes = new Map(filters.map(({ lane }) => [lane.program, lane.code]));
  if (codes.size === 0) await batch(ns, 'tc', [...qdiscs, ...gone]);
  else
    await withObjects(codes, (fileOf) => {
      const lines = filters.map(({ dev, lane: { way, device, program } }) => {
        const filter = { dev, way, pref: PREF, handle: filterHandle(device), program, to: device };
        return filterLine(filter, fileOf(program));
      });
      return batchObjects(ns, [...qdiscs, ...lines, ...gone]);
    });
  await batch(ns, 'ip', labels);
}

/** Pure: absent where not one of the effect's devices or filters stands. */
export function classify(
  now: Standing,
  lanes: readonly Lane[],
  devices: readonly string[],
): 'present' | 'drifted' | 'absent' {
  if (!now.ifbs.some(({ name }) => devices.includes(name))) return 'absent';
  return isEmpty(changes(now, lanes, devices, false)) ? 'present' : 'drifted';
}

/** What became of a removal. */
export interface Removed {
  changed: boolean;
  /** Packets still on their way through the devices; these stand as long as there are any and `drain` says so. */
  held: number;
}

/**
 * Takes the filters off, and with that packets go their old way; then the devices, unless packets are still in them and `drain` is set.
 * Works from any half-done state. Throws SQ402 where something is still there in the end.
 */
export function remove(
  ns: Netns,
  devices: readonly string[],
  options: { likely: readonly LikelyFilter[]; drain: boolean },
): Promise<Removed> {
  return inTurn(ns.inode, async () => {
    const hit = await removeAtOnce(ns, options.likely);
    const interfaces = [...new Set(options.likely.map(({ dev }) => dev))];
    for (let attempt = 1; ; attempt++) {
      try {
        const now = await look(ns, hit ? [] : interfaces);
        const removed = await removeSeen(ns, now, devices, { interfaces, drain: options.drain });
        return { ...removed, changed: removed.changed || hit };
      } catch (error) {
        if (!isPassing(error)) throw error;
        if (attempt < ATTEMPTS) continue;
        throw new SquallError('SQ402', (error as Error).message, { terminal: false, cause: error });
      }
    }
  });
}

/** A filter of Squall's that most likely stands. */
export interface LikelyFilter {
  dev: string;
  way: Way;
  device: string;
}

/** Without a look; the look afterwards finds what is left. */
async function removeAtOnce(ns: Netns, likely: readonly LikelyFilter[]): Promise<boolean> {
  const lines = likely.map(({ dev, way, device }) =>
    filterRemoval({ dev, way, pref: PREF, handle: `${filterHandle(device)}` }),
  );
  try {
    await batch(ns, 'tc', lines);
    return lines.length > 0;
  } catch (error) {
    if (error instanceof SquallError) return false;
    throw error;
  }
}

async function removeSeen(
  ns: Netns,
  now: Standing,
  devices: readonly string[],
  { interfaces, drain }: { interfaces: readonly string[]; drain: boolean },
): Promise<Removed> {
  const ifbs = now.ifbs.filter(({ name }) => devices.includes(name));
  const filters = now.filters.filter((filter) => isOf(filter, devices));
  const held = now.qdiscs
    .filter(({ dev, root }) => root && devices.includes(dev))
    .reduce((sum, qdisc) => sum + qdisc.held, 0);
  await batch(ns, 'tc', [...removals(now, filters), ...emptyClsacts(now, interfaces)]);
  if (held > 0 && drain) return { changed: true, held };
  await batch(
    ns,
    'ip',
    ifbs.map(({ name }) => ['link', 'del', 'dev', name]),
  );
  return { changed: ifbs.length + filters.length > 0, held: 0 };
}

/** Left by filters that were taken off without a look. An empty one does nothing for anybody. */
function emptyClsacts({ qdiscs, filters }: Standing, interfaces: readonly string[]): string[][] {
  return qdiscs
    .filter(({ kind, dev }) => kind === 'clsact' && interfaces.includes(dev))
    .filter(({ dev }) => !filters.some((filter) => filter.dev === dev))
    .map(({ dev }) => ['qdisc', 'del', 'dev', dev, 'clsact']);
}

function isPassing(error: unknown): boolean {
  return error instanceof SquallError && error.code === 'SQ303';
}
