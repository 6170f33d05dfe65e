import { parseFilter } from './net/filter.ts';
import { netfilterKind } from './net/kind.ts';
import { peersSchema } from './net/schema.ts';

const DESCRIPTION = `The network falls in two. On one side are all targets of the run, on the other the peers in \`to\`: packets of every protocol between
the sides are dropped in both directions, and go on within each. The rules stand in the targets' own network namespaces alone, before every
other rule, so that established connections stop too; the peers need not have opted in.

Targets are never cut off from each other, whoever is named. That splits a cluster in one manifest: select the service, choose a share of it,
and name the same service in \`to\`; the chosen share stands against the rest. A container that joins the run (\`mode: all\`) changes sides at
once. With \`any\` the other side is everyone who is no target, the world outside included. A container that shares a target's network
namespace is on the targets' side. Where every peer turns out to be a target, the fault is refused.

The jump to the rules carries the deadline: the kernel ends the fault by itself. Loopback, Docker's DNS at 127.0.0.11 and IPv6 neighbour
discovery go on.

Sides are addresses. What reaches the other side through a published port of the host, a proxy or a third container still passes. What a
target sends to a multicast or broadcast address is dropped with \`any\` or a network that holds the address, and then for its own side too.`;

/** Cuts the targets of a run, as one group, off from peers: both directions, all protocols. */
export const networkPartition = netfilterKind({
  type: 'network-partition',
  summary: 'Cuts all targets, as one group, off from the peers; within the group all goes on.',
  description: DESCRIPTION,
  schema: {
    type: 'object',
    properties: {
      to: peersSchema(
        'The other side. Targets of the run among them stay on their own side. A peer that is not found refuses the fault.',
      ),
    },
    required: ['to'],
  },
  example: { type: 'network-partition', to: [{ service: 'redis' }] },
  verdict: () => () => [['-j', 'DROP']],
  answers: () => false,
  problems: () => [],
  filter: (fault) => ({ ...parseFilter(fault), egress: true, ingress: true }),
  sparesGroup: true,
});
