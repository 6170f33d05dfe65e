import type { Clock } from '../../core/clock.ts';
import type { Effect, FaultSpec } from '../../core/types.ts';
import { type Family, installed } from '../../runtime/iptables.ts';
import type { Netns } from '../../runtime/netns.ts';
import { steadyWall } from './deadline.ts';
import type { Filter } from './filter.ts';
import type { ResolvedPeers } from './peers.ts';
import { nothing, renderRules, type Verdict, type Wanted } from './rules.ts';
import { backendOf, baseOf, FAMILIES, undoOf } from './undo.ts';

/** The part of a kind that renders. */
export interface Renderer {
  filter(fault: FaultSpec): Filter;
  verdict(fault: FaultSpec): Verdict;
  answers(fault: FaultSpec): boolean;
}

/** Families that carry rules now, and those that may still carry some from before. */
export async function wantedByFamily(
  kind: Renderer,
  clock: Clock,
  effect: Effect,
  ns: Netns,
): Promise<Map<Family, Wanted>> {
  const peers = peersOf(effect);
  const ipv6 = await hasIpv6(ns);
  const needed = neededFamilies(peers, ipv6);
  const rendering = {
    base: baseOf(effect),
    mark: {
      instance: effect.instance,
      experiment: effect.experiment,
      run: effect.runId,
      deadline: steadyWall(clock, effect.deadline),
    },
    filter: kind.filter(effect.fault),
    peers,
    verdict: kind.verdict(effect.fault),
    answers: kind.answers(effect.fault),
  };
  const wanted = new Map<Family, Wanted>();
  for (const family of FAMILIES) {
    const known = backendOf(undoOf(effect), family) !== undefined;
    if (needed.has(family)) wanted.set(family, renderRules(rendering, family));
    else if (known || (family === 6 && ipv6 && (await hasPrograms(6)))) wanted.set(family, nothing());
  }
  return wanted;
}

/** IPv6 only where the namespace has it; IPv4 also where nothing matches, so that the mark stands somewhere. */
export function neededFamilies(peers: ResolvedPeers, ipv6: boolean): Set<Family> {
  const needed = new Set<Family>();
  if (ipv6 && (peers.any || peers.v6.length > 0)) needed.add(6);
  if (peers.any || peers.v4.length > 0 || needed.size === 0) needed.add(4);
  return needed;
}

/** Any address beside loopback's (proc(5), /proc/net/if_inet6), link-local ones included. */
export async function hasIpv6(ns: Netns): Promise<boolean> {
  const lines = (await ns.procNet('if_inet6')).split('\n');
  return lines.some((line) => line.trim() !== '' && !/\slo$/.test(line));
}

export async function hasPrograms(family: Family): Promise<boolean> {
  const { nft, legacy } = await installed(family);
  return nft !== undefined || legacy !== undefined;
}

export function peersOf(effect: Effect): ResolvedPeers {
  return effect.resolved as unknown as ResolvedPeers;
}
