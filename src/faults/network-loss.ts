import type { FaultSpec } from '../core/types.ts';
import type { FaultKind } from './fault.ts';
import { netfilterKind } from './net/kind.ts';
import type { Verdict } from './net/rules.ts';
import { filterSchema } from './net/schema.ts';

const DESCRIPTION = `Loses packets between the target and its peers: each with a chance of \`percent\`, or exactly one of \`every\` n. Netfilter's statistic
match does it, so that no traffic shaper is replaced and no netem module is needed.

Every nth is counted over all peers of one direction together, apart for egress and ingress and for IPv4 and IPv6. An edit that
leaves \`every\` and \`packet\` alone goes on with the count.

The jump to the rules carries the deadline: the kernel ends the fault by itself. Loopback, Docker's DNS at 127.0.0.11 and IPv6
neighbour discovery lose nothing. TCP hides losses by sending again: expect delay rather than errors.`;

/** Loses packets between a target and peers: at random, or every nth. */
export const networkLoss: FaultKind = netfilterKind({
  type: 'network-loss',
  summary: 'Loses packets between the target and its peers, at random or every nth.',
  description: DESCRIPTION,
  schema: filterSchema(
    {
      percent: {
        type: 'number',
        exclusiveMinimum: 0,
        maximum: 100,
        description: 'Each packet is lost with this chance. Not beside `every`.',
      },
      every: {
        type: 'integer',
        minimum: 1,
        maximum: 4_294_967_295,
        description: 'Of so many packets exactly one is lost. Not beside `percent`.',
      },
      packet: {
        type: 'integer',
        minimum: 0,
        default: 0,
        description: 'Which one of `every`, from 0: the first.',
      },
    },
    {
      anyOf: ['percent', 'every'].map((field) => ({ type: 'object', required: [field] })),
      dependentRequired: { packet: ['every'] },
      not: { type: 'object', required: ['percent', 'every'] },
    },
  ),
  example: { type: 'network-loss', to: [{ service: 'redis' }], percent: 25 },
  verdict: lose,
  answers: () => false,
  problems,
});

function problems(fault: FaultSpec): string[] {
  if (fault.every !== undefined && Number(fault.packet ?? 0) >= Number(fault.every)) {
    return [`packet: ${fault.packet} must be less than every (${fault.every})`];
  }
  // xt_statistic keeps 31 bits of the chance: less than half of one would come to nothing.
  if (fault.percent !== undefined && Math.round((Number(fault.percent) / 100) * 2 ** 31) < 1) {
    return [`percent: ${fault.percent} is less than netfilter can count (0.00000005)`];
  }
  return [];
}

function lose(fault: FaultSpec): Verdict {
  const mode =
    fault.every === undefined
      ? ['random', '--probability', (Number(fault.percent) / 100).toFixed(11)]
      : ['nth', '--every', `${fault.every}`, '--packet', `${fault.packet ?? 0}`];
  return () => [['-m', 'statistic', '--mode', ...mode, '-j', 'DROP']];
}
