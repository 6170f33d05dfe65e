import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { HostFeatures } from '../faults/fault.ts';
import { createHostCache, type HostCache } from '../reconcile/hosts.ts';
import { shapingFeatures } from '../runtime/doctor-shaping.ts';
import type { Exec } from '../runtime/exec.ts';
import { installed } from '../runtime/iptables.ts';
import type { NetnsPort } from '../runtime/netns.ts';
import { resolveInTarget } from '../runtime/resolver.ts';

/** What this host has. What is `known` to be there stays; what was lacking is tried again. */
export async function hostFeatures(known?: HostFeatures, run?: Exec): Promise<HostFeatures> {
  const [v4, v6, shaping] = await Promise.all([
    installed(4),
    installed(6),
    shapingFeatures(known?.shaping, run),
  ]);
  return {
    iptables: known?.iptables || Boolean(v4.nft ?? v4.legacy),
    ip6tables: known?.ip6tables || Boolean(v6.nft ?? v6.legacy),
    shaping,
  };
}

/** A host whose features may grow: an administrator installs a package or loads a module while the daemon runs. */
export interface HostWatch {
  features(): HostFeatures;
  /** Tries again what was lacking. */
  refresh(): Promise<void>;
}

export async function watchHost(log: Log, run?: Exec): Promise<HostWatch> {
  let features = await hostFeatures(undefined, run);
  return {
    features: () => features,
    refresh: async () => {
      const now = await hostFeatures(features, run);
      if (!isDeepStrictEqual(now, features)) log.info({ features: now }, 'this host can do more than before');
      features = now;
    },
  };
}

/** Host names as each target's own resolver answers them. */
export function targetHosts(clock: Clock, log: Log, netns: NetnsPort): HostCache {
  return createHostCache(clock, log, (container, host) =>
    netns.enter(container, (ns) => resolveInTarget(ns, container, host)),
  );
}
