import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { HostFeatures } from '../faults/fault.ts';
import { createHostCache, type HostCache } from '../reconcile/hosts.ts';
import { installed } from '../runtime/iptables.ts';
import type { NetnsPort } from '../runtime/netns.ts';
import { resolveInTarget } from '../runtime/resolver.ts';

/** What this host has, asked once at the start. */
export async function hostFeatures(): Promise<HostFeatures> {
  const [v4, v6] = await Promise.all([installed(4), installed(6)]);
  const shaping = { ifb: true, classifier: true, netem: true, tbf: true };
  return { iptables: Boolean(v4.nft ?? v4.legacy), ip6tables: Boolean(v6.nft ?? v6.legacy), shaping };
}

/** Host names as each target's own resolver answers them. */
export function targetHosts(clock: Clock, log: Log, netns: NetnsPort): HostCache {
  return createHostCache(clock, log, (container, host) =>
    netns.enter(container, (ns) => resolveInTarget(ns, container, host)),
  );
}
