import type { Json } from '../../core/canonical.ts';
import { SquallError } from '../../core/errors.ts';
import { chainBase } from '../../core/marks.ts';
import type { Container, Effect, FaultSpec } from '../../core/types.ts';
import { type Backend, chooseBackend, type Family, installed, saveAll } from '../../runtime/iptables.ts';
import { type Netns, netnsRefusal } from '../../runtime/netns.ts';
import type { FaultContext, Observation, Recovery } from '../fault.ts';
import { type Applied, apply, look, type Place, remove, revert } from './apply.ts';
import { classify, standing } from './converge.ts';
import { steadyWall } from './deadline.ts';
import { parseFilter } from './filter.ts';
import type { ResolvedPeers } from './peers.ts';
import { chainNames, nothing, renderRules, type Verdict, type Wanted } from './rules.ts';

/** What undoing needs, and what finds the namespace again without the engine. */
interface Undo {
  /** Host pid of the target's init. */
  pid: number;
  /** Inode of its network namespace. */
  netns: number;
  /** Back ends by family; a family that came later is not here. */
  v4?: Backend;
  v6?: Backend;
}

/** The part of a kind that renders. */
export interface Renderer {
  verdict(fault: FaultSpec): Verdict;
  answers(fault: FaultSpec): boolean;
}

const FAMILIES: readonly Family[] = [4, 6];

/** Reads the namespace and chooses the back ends. Throws SQ208 where IPv6 traffic would pass by, SQ306 without iptables. */
export async function prepareRules(context: FaultContext, effect: Effect, target: Container): Promise<Json> {
  if (target.networkMode === 'host') {
    throw new SquallError('SQ208', `${target.name} uses the network of the host`);
  }
  return context.netns.enter(target, async (ns) => {
    const needed = neededFamilies(peersOf(effect), await hasIpv6(ns));
    if (needed.has(6) && !(await hasPrograms(6))) {
      throw new SquallError(
        'SQ208',
        `${target.name} has IPv6, and ip6tables is missing: half of the traffic would pass`,
        {
          hint: 'Install ip6tables (package iptables)',
        },
      );
    }
    const [v4, v6] = await Promise.all(
      FAMILIES.map(async (family) => (needed.has(family) ? chooseBackend(ns, family) : undefined)),
    );
    const undo: Undo = { pid: target.pid, netns: ns.inode, ...(v4 && { v4 }), ...(v6 && { v6 }) };
    return { ...undo };
  });
}

/** Converges both families side by side, each in one transaction; where one fails, the other goes back to what it was. */
export async function injectRules(kind: Renderer, context: FaultContext, effect: Effect): Promise<void> {
  await enter(context, effect, async (ns) => {
    const wanted = await wantedByFamily(kind, context, effect, ns);
    const results = await Promise.allSettled(
      [...wanted].map(async ([family, rules]) => {
        const backend = undoOf(effect)[keyOf(family)] ?? (await chooseBackend(ns, family));
        return apply(placeOf(effect, ns, family, backend), rules);
      }),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (!failed) return;
    await revertAll(context, effect, results);
    throw injectionError(failed.reason);
  });
}

/** Compares what stands with what should; `gone` where the container does not run in that namespace any more. */
export async function observeRules(
  kind: Renderer,
  context: FaultContext,
  effect: Effect,
): Promise<Observation> {
  const seen = await enterIfThere(context, effect, async (ns) => {
    const wanted = await wantedByFamily(kind, context, effect, ns);
    return Promise.all([...wanted].map(([family, rules]) => observeFamily(effect, ns, family, rules)));
  });
  if (seen === undefined) return 'gone';
  const states = seen.filter((state) => state !== 'unneeded');
  if (states.every((state) => state === 'absent')) return 'absent';
  return states.every((state) => state === 'present') ? 'present' : 'drifted';
}

/** Removes the effect's jumps and chains wherever they stand, by nothing but the journal's word. */
export async function recoverRules(context: FaultContext, effect: Effect): Promise<Recovery> {
  const removed = await enterIfThere(context, effect, async (ns) => {
    const places = await Promise.all(FAMILIES.map((family) => recoveryPlaces(effect, ns, family)));
    return Promise.all(places.flat().map(remove));
  });
  if (removed === undefined) return { done: true, how: 'the target is gone, and its rules with it' };
  return { done: true, how: removed.some(Boolean) ? 'rules removed' : 'no rules were there' };
}

async function recoveryPlaces(effect: Effect, ns: Netns, family: Family): Promise<Place[]> {
  const known = undoOf(effect)[keyOf(family)];
  if (known) return [placeOf(effect, ns, family, known)];
  const found = await saveAll(ns, family);
  return found
    .map(({ backend, tables }) => ({ place: placeOf(effect, ns, family, backend), tables }))
    .filter(({ place, tables }) => standing(tables, place.own).chains.size > 0)
    .map(({ place }) => place);
}

async function observeFamily(
  effect: Effect,
  ns: Netns,
  family: Family,
  wanted: Wanted,
): Promise<'present' | 'drifted' | 'absent' | 'unneeded'> {
  const known = undoOf(effect)[keyOf(family)];
  const seen = known
    ? [await look(placeOf(effect, ns, family, known))]
    : (await saveAll(ns, family)).map(({ tables }) => standing(tables, ownOf(effect)));
  const states = seen.map((now) => classify(now, wanted));
  if (wanted.jumps.length === 0) return states.every((state) => state === 'present') ? 'unneeded' : 'drifted';
  return states.find((state) => state !== 'absent') ?? 'absent';
}

/** Families that carry rules now, and those that may still carry some from before. */
async function wantedByFamily(
  kind: Renderer,
  { clock }: FaultContext,
  effect: Effect,
  ns: Netns,
): Promise<Map<Family, Wanted>> {
  const peers = peersOf(effect);
  const ipv6 = await hasIpv6(ns);
  const needed = neededFamilies(peers, ipv6);
  const rendering = {
    base: chainBase(effect.instance, effect.runId, effect.slot),
    mark: {
      instance: effect.instance,
      experiment: effect.experiment,
      run: effect.runId,
      deadline: steadyWall(clock, effect.deadline),
    },
    filter: parseFilter(effect.fault),
    peers,
    verdict: kind.verdict(effect.fault),
    answers: kind.answers(effect.fault),
  };
  const wanted = new Map<Family, Wanted>();
  for (const family of FAMILIES) {
    const known = undoOf(effect)[keyOf(family)] !== undefined;
    if (needed.has(family)) wanted.set(family, renderRules(rendering, family));
    else if (known || (family === 6 && ipv6 && (await hasPrograms(6)))) wanted.set(family, nothing());
  }
  return wanted;
}

/** IPv6 only where the namespace has it; IPv4 also where nothing matches, so that the mark stands somewhere. */
function neededFamilies(peers: ResolvedPeers, ipv6: boolean): Set<Family> {
  const needed = new Set<Family>();
  if (ipv6 && (peers.any || peers.v6.length > 0)) needed.add(6);
  if (peers.any || peers.v4.length > 0 || needed.size === 0) needed.add(4);
  return needed;
}

/** Any address beside loopback's (proc(5), /proc/net/if_inet6), link-local ones included. */
async function hasIpv6(ns: Netns): Promise<boolean> {
  const lines = (await ns.procNet('if_inet6')).split('\n');
  return lines.some((line) => line.trim() !== '' && !/\slo$/.test(line));
}

async function hasPrograms(family: Family): Promise<boolean> {
  const { nft, legacy } = await installed(family);
  return nft !== undefined || legacy !== undefined;
}

/** Undefined where the target's process or namespace is not there any more. */
async function enterIfThere<T>(
  context: FaultContext,
  effect: Effect,
  use: (ns: Netns) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await enter(context, effect, use);
  } catch (error) {
    const gone = error instanceof SquallError && error.code === 'SQ307';
    if (gone || netnsRefusal(error) === 'reused') return undefined;
    throw error;
  }
}

function enter<T>(context: FaultContext, effect: Effect, use: (ns: Netns) => Promise<T>): Promise<T> {
  const { pid, netns } = undoOf(effect);
  return context.netns.enter({ ...effect.target, pid }, (ns) => {
    if (ns.inode === netns) return use(ns);
    throw new SquallError('SQ307', `${effect.target.name} runs in another network namespace now`);
  });
}

async function revertAll(
  context: FaultContext,
  effect: Effect,
  results: PromiseSettledResult<Applied>[],
): Promise<void> {
  for (const result of results) {
    if (result.status === 'rejected') continue;
    await revert(result.value).catch((err: unknown) => {
      // Recovery by the journal and the deadline in the jump still stand behind this.
      context.log.error(
        { err, effect: effect.id, target: effect.target.name },
        'Partial injection not undone',
      );
    });
  }
}

function injectionError(cause: unknown): unknown {
  if (!(cause instanceof SquallError) || cause.code !== 'SQ303') return cause;
  return new SquallError('SQ401', cause.message, {
    ...(cause.hint && { hint: cause.hint }),
    terminal: cause.terminal,
    cause,
  });
}

function placeOf(effect: Effect, ns: Netns, family: Family, backend: Backend): Place {
  return { ns, family, backend, own: ownOf(effect) };
}

function ownOf(effect: Effect): string[] {
  return chainNames(chainBase(effect.instance, effect.runId, effect.slot));
}

function peersOf(effect: Effect): ResolvedPeers {
  return effect.resolved as unknown as ResolvedPeers;
}

function undoOf(effect: Effect): Undo {
  return effect.undo as unknown as Undo;
}

function keyOf(family: Family): 'v4' | 'v6' {
  return family === 4 ? 'v4' : 'v6';
}
