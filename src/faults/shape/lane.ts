import { hash, type Json } from '../../core/canonical.ts';
import { DEVICE_PREFIX, deviceName, formatMark, type Mark, parseMark } from '../../core/marks.ts';
import type { Effect, FaultSpec } from '../../core/types.ts';
import { filterRemoval, type SeenFilter, type SeenIfb, type SeenQdisc, type Way } from '../../runtime/tc.ts';
import type { InNamespace } from '../net/entry.ts';
import { parseFilter } from '../net/filter.ts';
import type { ResolvedPeers } from '../net/peers.ts';
import { classifier } from './program.ts';

/** How packets are held back: the arguments of tc(8) after `root`. */
export interface Qdisc {
  /** tc-netem(8) or tc-tbf(8), its parameters all named, so that a change resets what it does not use. */
  args: string[];
  /** The major number. Another one makes a new qdisc, for what the kernel does not take back by a change. */
  handle: number;
}

/** One way of an effect: a device that packets are sent through, and the filters that send them there. */
export interface Lane {
  way: Way;
  device: string;
  /** What the device says of itself: the mark, and a name for its qdisc. */
  alias: string;
  qdisc: Qdisc;
  /** The eBPF classifier, and a name for its content. */
  program: string;
  code: Buffer;
  /** Interfaces that carry the filter. */
  interfaces: readonly string[];
}

/** What stands in a namespace, as far as packet-level faults are concerned. */
export interface Standing {
  ifbs: SeenIfb[];
  qdiscs: SeenQdisc[];
  /** On every interface with a clsact qdisc. */
  filters: SeenFilter[];
}

/** Lines of ip(8) and tc(8), to be run in the order of the fields. Empty where nothing differs. */
export interface Changes {
  links: string[][];
  qdiscs: string[][];
  /** Filters to write, by lane. */
  filters: { dev: string; lane: Lane }[];
  /** Filters to take off, then qdiscs that are empty without them. */
  removals: string[][];
  labels: string[][];
}

/** Among the filters of an interface ours stand together. */
export const PREF = 0x5351;
/** Packets that an ifb device itself holds beside its qdisc. */
const TX_QUEUE = 1000;

const WAYS: readonly Way[] = ['egress', 'ingress'];

export function waysOf(fault: FaultSpec): Way[] {
  const { egress, ingress } = parseFilter(fault);
  return WAYS.filter((way) => (way === 'egress' ? egress : ingress));
}

/** Every device that an effect may have, whatever its direction. */
export function deviceNamesOf({
  instance,
  runId,
  slot,
}: Pick<Effect, 'instance' | 'runId' | 'slot'>): string[] {
  return WAYS.map((way) => deviceName(instance, runId, slot, way));
}

/** Pure: the lanes of an effect. `until`: its deadline in ms of boot time. */
export function lanesOf(
  effect: Effect,
  qdisc: Qdisc,
  mark: Mark,
  until: number,
  interfaces: readonly string[],
): Lane[] {
  const filter = parseFilter(effect.fault);
  const peers = effect.resolved as unknown as ResolvedPeers;
  return waysOf(effect.fault).map((way) => {
    const code = classifier({ way, filter, peers, until });
    return {
      way,
      device: deviceName(effect.instance, effect.runId, effect.slot, way),
      alias: `${formatMark(mark)} q=${qdiscName(qdisc)}`,
      qdisc,
      program: `${DEVICE_PREFIX}${hash(code.toString('hex'), 12)}`,
      code,
      interfaces,
    };
  });
}

function qdiscName({ args, handle }: Qdisc): string {
  return hash(`${handle} ${args.join(' ')}`, 8);
}

/** The number of a lane's filters, the same on every interface. */
export function filterHandle(device: string): number {
  return (Number.parseInt(hash(device, 8), 16) & 0x7fffffff) | 1;
}

/** The mark in a device's alias; undefined where it is no alias of Squall's. */
export function markOfAlias(alias: string): Mark | undefined {
  return parseMark(alias.replace(/ q=[0-9a-f]+$/, ''));
}

/** What turns what stands into these lanes, `devices` being all that the effect may have. Pure. */
export function changes(
  now: Standing,
  lanes: readonly Lane[],
  devices: readonly string[],
  ipv6: boolean,
): Changes {
  const found: Changes = { links: [], qdiscs: [], filters: [], removals: [], labels: [] };
  for (const lane of lanes) addDevice(found, now, lane, ipv6);
  const standing = now.filters.filter((filter) => isOf(filter, devices));
  const kept = new Set<SeenFilter>();
  for (const lane of lanes) {
    for (const dev of lane.interfaces) {
      const there = standing.find(
        (filter) => filter.dev === dev && filter.way === lane.way && isNumbered(filter, lane.device),
      );
      // A wrong one is written over.
      if (there) kept.add(there);
      if (there?.to !== lane.device || there.program !== lane.program) found.filters.push({ dev, lane });
    }
  }
  addClsacts(found, now);
  found.removals.push(
    ...removals(
      now,
      standing.filter((filter) => !kept.has(filter)),
      found.filters,
    ),
  );
  return found;
}

export function isEmpty({ links, qdiscs, filters, removals: gone, labels }: Changes): boolean {
  return [links, qdiscs, filters, gone, labels].every((lines) => lines.length === 0);
}

/**
 * Whether a filter is of the effect with these devices: it leads to one, or bears its number. Once somebody has removed a device its
 * filters lead nowhere, and what they match is lost.
 */
export function isOf(filter: SeenFilter, devices: readonly string[]): boolean {
  return devices.some((device) => filter.to === device || isNumbered(filter, device));
}

function isNumbered({ pref, handle }: SeenFilter, device: string): boolean {
  return pref === PREF && Number(handle) === filterHandle(device);
}

function addDevice(found: Changes, now: Standing, { device, alias, qdisc }: Lane, ipv6: boolean): void {
  const ifb = now.ifbs.find(({ name }) => name === device);
  if (!ifb) found.links.push(['link', 'add', 'name', device, 'txqueuelen', `${TX_QUEUE}`, 'type', 'ifb']);
  if (!ifb?.up) {
    // No address of its own, and no discovery of neighbours: it only passes packets on.
    if (ipv6) found.links.push(['link', 'set', 'dev', device, 'addrgenmode', 'none']);
    found.links.push(['link', 'set', 'dev', device, ...(ifb ? [] : ['alias', alias]), 'up']);
  }
  const root = now.qdiscs.find(({ dev, root }) => dev === device && root);
  const right =
    ifb && root?.kind === qdisc.args[0] && ifb.alias.endsWith(alias.slice(alias.lastIndexOf(' ')));
  if (!right)
    found.qdiscs.push([
      'qdisc',
      'replace',
      'dev',
      device,
      'root',
      'handle',
      `${qdisc.handle}:`,
      ...qdisc.args,
    ]);
  if (ifb && ifb.alias !== alias) found.labels.push(['link', 'set', 'dev', device, 'alias', alias]);
}

/** A clsact qdisc where a filter goes and none stands. */
function addClsacts(found: Changes, now: Standing): void {
  for (const dev of new Set(found.filters.map((filter) => filter.dev))) {
    if (!hasClsact(now, dev)) found.qdiscs.push(['qdisc', 'add', 'dev', dev, 'clsact']);
  }
}

function hasClsact({ qdiscs }: Standing, dev: string): boolean {
  return qdiscs.some((qdisc) => qdisc.dev === dev && qdisc.kind === 'clsact');
}

/** Takes filters off, and with an interface's last one its clsact qdisc. */
export function removals(
  now: Standing,
  gone: readonly SeenFilter[],
  coming: readonly { dev: string }[] = [],
): string[][] {
  const emptied = [...new Set(gone.map(({ dev }) => dev))].filter(
    (dev) =>
      hasClsact(now, dev) &&
      now.filters.every((filter) => filter.dev !== dev || gone.includes(filter)) &&
      !coming.some((filter) => filter.dev === dev),
  );
  return [...gone.map(filterRemoval), ...emptied.map((dev) => ['qdisc', 'del', 'dev', dev, 'clsact'])];
}

/** What keeps an interface from taking Squall's filters: those of others, which are never touched; undefined where nothing does. */
export function foreignOn(now: Standing, dev: string): string | undefined {
  if (now.qdiscs.some((qdisc) => qdisc.dev === dev && qdisc.kind === 'ingress')) return 'an ingress qdisc';
  const filter = now.filters.find((one) => one.dev === dev && !isSquall(one));
  return filter && `traffic-control filters (${filter.way}, pref ${filter.pref})`;
}

/** By where it leads, or by the name of its program where the device is gone. */
function isSquall({ to, program }: SeenFilter): boolean {
  return to.startsWith(DEVICE_PREFIX) || program.startsWith(DEVICE_PREFIX);
}

/** What undoing needs. JSON. */
export interface LaneUndo extends InNamespace {
  /** The journal had nothing for this namespace before. */
  fresh?: true;
  interfaces: string[];
  /** Interfaces that had a clsact qdisc when they were looked at. */
  clsact: string[];
}

export function laneUndo({ undo }: Effect): LaneUndo {
  return undo as unknown as LaneUndo;
}

export function asJson(undo: LaneUndo): Json {
  return undo as unknown as Json;
}
