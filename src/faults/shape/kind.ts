import type { Json } from '../../core/canonical.ts';
import { SquallError } from '../../core/errors.ts';
import type { Container, FaultSpec } from '../../core/types.ts';
import { SHAPING_MENDS } from '../../runtime/shaping-mends.ts';
import type { FaultKind, ShapingFeatures, World } from '../fault.ts';
import { filterProblems, hostNames, parseFilter, peerNames } from '../net/filter.ts';
import { refuseHostNetwork } from '../net/kind.ts';
import { networkOwner, type ResolvedPeers, resolvePeers } from '../net/peers.ts';
import {
  injectLanes,
  observeLanes,
  prepareLanes,
  recoverLanes,
  type Shaper,
  verifyLanes,
} from './lifecycle.ts';
import { LARGEST_PROGRAM, programSize } from './program.ts';

/** What one packet-level kind adds to the filter that all network kinds share. */
export interface ShapingKind
  extends Pick<FaultKind, 'type' | 'summary' | 'description' | 'schema' | 'example'>,
    Shaper {
  /** The queueing discipline that it needs of the kernel. */
  needs: 'netem' | 'tbf';
  /** Mistakes in the kind's own parameters. */
  problems(fault: FaultSpec): string[];
}

/** What a packet-level fault comes to: peers, and the networks they are reached by. JSON. */
export interface ResolvedLanes extends ResolvedPeers {
  /** Names of the target's networks: one that it joins brings another interface. */
  networks: string[];
}

/**
 * Makes a kind that sends the packets of its filter through a device of its own, in the target's network namespace, until a deadline
 * that the kernel keeps.
 */
export function shapingKind(kind: ShapingKind): FaultKind {
  const problems = (fault: FaultSpec) => [...filterProblems(fault), ...kind.problems(fault)];
  return {
    type: kind.type,
    summary: kind.summary,
    description: kind.description,
    schema: kind.schema,
    example: kind.example,
    nature: 'state',
    endedBy: 'kernel',
    entersNetwork: true,
    needs: ['iproute2', 'ifb', 'classifier', kind.needs],
    uses: () => [],
    diverts: () => true,
    problems,
    lookups: hostNames,
    peers: peerNames,
    resolve: (fault, target, world) => {
      const [problem] = problems(fault);
      if (problem) throw new SquallError('SQ208', `${kind.type}: ${problem}`);
      return resolveFor(kind, fault, target, world) as unknown as Json;
    },
    prepare: prepareLanes,
    inject: (context, effect) => injectLanes(kind, context, effect),
    verify: (context, effect) => verifyLanes(kind, context, effect),
    observe: (context, effect) => observeLanes(kind, context, effect),
    recover: recoverLanes,
  };
}

function resolveFor(kind: ShapingKind, fault: FaultSpec, target: Container, world: World): ResolvedLanes {
  const owner = networkOwner(target, world) ?? target;
  refuseHostNetwork(owner, target);
  refuseLacking(kind, world.host.shaping);
  const peers = resolvePeers(parseFilter(fault).peers, target, world);
  if (programSize(peers) > LARGEST_PROGRAM) {
    throw new SquallError(
      'SQ208',
      `${kind.type}: ${peers.v4.length + peers.v6.length} addresses are too many`,
      {
        hint: 'Name networks (cidr) instead of single addresses, or `any`',
      },
    );
  }
  return { ...peers, networks: owner.attachments.map(({ network }) => network).sort() };
}

/** Throws SQ208 for the first thing that this host lacks, with what to do about it. */
function refuseLacking({ type, needs }: ShapingKind, shaping: ShapingFeatures): void {
  const lacking = (['ifb', 'classifier', needs] as const).find((feature) => !shaping[feature]);
  if (lacking === undefined) return;
  const { lacking: what, mend } = SHAPING_MENDS[lacking];
  throw new SquallError('SQ208', `${type}: ${what}`, { hint: mend });
}
