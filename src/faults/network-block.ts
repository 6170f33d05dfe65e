import type { FaultSpec } from '../core/types.ts';
import type { FaultKind } from './fault.ts';
import { netfilterKind } from './net/kind.ts';
import type { Verdict } from './net/rules.ts';
import { filterSchema } from './net/schema.ts';

const DESCRIPTION = `Packets between the target and its peers are dropped or rejected, by rules inside the target's own network namespace. They stand before
every other rule, so that connections that are already established stop too.

The jump to them carries the deadline: the kernel ends the fault by itself, in the second after it at the latest, whether or not
anything of Squall still runs.

Loopback, Docker's DNS at 127.0.0.11 and IPv6 neighbour discovery go on. Names outside that the engine asks for from inside the target's
network fail like all other traffic that matches.

Peers are addresses: a service or container that comes back at another address is followed, and traffic that reaches a peer through
a published port of the host or a proxy is not matched. Containers that share the target's network are hit with it.

With \`action: reject\` the sender is told: TCP is reset, anything else gets "port unreachable".`;

/** Cuts a target off from peers: drop or reject. */
export const networkBlock: FaultKind = netfilterKind({
  type: 'network-block',
  summary: 'Drops or rejects the packets between the target and its peers.',
  description: DESCRIPTION,
  schema: filterSchema({
    action: {
      type: 'string',
      enum: ['drop', 'reject'],
      default: 'drop',
      description:
        'drop: the sender waits and times out. reject: it is told at once (TCP reset, port unreachable).',
    },
  }),
  example: {
    type: 'network-block',
    direction: 'egress',
    to: [{ service: 'redis' }],
    ports: [6379],
    protocol: 'tcp',
  },
  verdict: (fault) => (rejects(fault) ? REJECT : DROP),
  answers: rejects,
  problems: () => [],
});

function rejects(fault: FaultSpec): boolean {
  return fault.action === 'reject';
}

const DROP: Verdict = () => [['-j', 'DROP']];

const REJECT: Verdict = (family) => [
  ['-p', 'tcp', '-j', 'REJECT', '--reject-with', 'tcp-reset'],
  ['-j', 'REJECT', '--reject-with', family === 4 ? 'icmp-port-unreachable' : 'icmp6-port-unreachable'],
];
