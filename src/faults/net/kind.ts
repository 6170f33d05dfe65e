import type { Json } from '../../core/canonical.ts';
import { SquallError } from '../../core/errors.ts';
import type { Container, FaultSpec } from '../../core/types.ts';
import type { FaultKind, World } from '../fault.ts';
import { type Filter, filterProblems, hostNames, parseFilter, peerNames } from './filter.ts';
import { injectRules, observeRules, prepareRules, recoverRules, verifyRules } from './lifecycle.ts';
import { hasIpv6, networkOwner, type ResolvedPeers, resolvePeers } from './peers.ts';
import type { Verdict } from './rules.ts';

/** What one netfilter kind adds to the filter that all share. */
export interface NetfilterKind
  extends Pick<FaultKind, 'type' | 'summary' | 'description' | 'schema' | 'example' | 'needs'> {
  verdict(fault: FaultSpec): Verdict;
  /** True where the verdict answers the sender (REJECT). */
  answers(fault: FaultSpec): boolean;
  /** Mistakes in the kind's own parameters. */
  problems(fault: FaultSpec): string[];
  /** Default: as its parameters say (`parseFilter`). */
  filter?(fault: FaultSpec): Filter;
  /** True where the targets of a run are no peers of each other, whoever is named. */
  sparesGroup?: true;
}

/** Makes a kind that lives in the filter table of the target's network namespace and is ended by the kernel. */
export function netfilterKind(kind: NetfilterKind): FaultKind {
  const problems = (fault: FaultSpec) => [...filterProblems(fault), ...kind.problems(fault)];
  const renderer = { filter: parseFilter, ...kind };
  return {
    type: kind.type,
    summary: kind.summary,
    description: kind.description,
    schema: kind.schema,
    example: kind.example,
    nature: 'state',
    endedBy: 'kernel',
    entersNetwork: true,
    needs: ['iptables', 'match-time', 'match-comment', 'match-multiport', ...(kind.needs ?? [])],
    // Chains of their own: any number of them work beside each other.
    uses: () => [],
    problems,
    lookups: hostNames,
    peers: peerNames,
    resolve: (fault, target, world) => {
      const [problem] = problems(fault);
      if (problem) throw new SquallError('SQ208', `${kind.type}: ${problem}`);
      const group = kind.sparesGroup && (world.group ?? new Set<string>());
      return resolveFor(fault, target, world, group) as unknown as Json;
    },
    prepare: async (context, effect, target) => prepareRules(context, effect, target),
    inject: (context, effect) => injectRules(renderer, context, effect),
    verify: (context, effect) => verifyRules(renderer, context, effect),
    observe: (context, effect) => observeRules(renderer, context, effect),
    recover: (context, effect) => recoverRules(renderer, context, effect),
  };
}

function resolveFor(
  fault: FaultSpec,
  target: Container,
  world: World,
  group: ReadonlySet<string> | undefined,
): ResolvedPeers {
  refuseHostNetwork(networkOwner(target, world) ?? target, target);
  if (!world.host.iptables) {
    throw new SquallError('SQ208', `${fault.type} needs iptables, which is not installed on this host`, {
      hint: 'Install the package iptables; `squall doctor` checks it',
    });
  }
  const peers = resolvePeers(parseFilter(fault).peers, target, world, group);
  if (!world.host.ip6tables && (peers.any || peers.v6.length > 0) && hasIpv6(target, world)) {
    throw new SquallError(
      'SQ208',
      `${target.name} has IPv6, and ip6tables is missing: half of the traffic would pass`,
      {
        hint: 'Install ip6tables (package iptables), or name IPv4 peers only',
      },
    );
  }
  return peers;
}

/** Throws SQ208: rules would hit every process of the host. */
export function refuseHostNetwork(owner: Container, target: Container = owner): void {
  if (owner.networkMode !== 'host') return;
  throw new SquallError(
    'SQ208',
    `${target.name} uses the network of the host: the fault would hit the host itself`,
    {
      hint: 'Give the container a network of its own',
    },
  );
}
