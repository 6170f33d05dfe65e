import type { FaultSpec } from '../core/types.ts';
import type { FaultKind } from './fault.ts';
import { eitherWay } from './net/either.ts';
import { netfilterKind } from './net/kind.ts';
import type { Verdict } from './net/rules.ts';
import { shapingKind } from './shape/kind.ts';
import type { Qdisc } from './shape/lane.ts';
import { chance, chanceProblems, netem } from './shape/netem.ts';
import { CORRELATION, percent, shapingSchema } from './shape/schema.ts';

const DESCRIPTION = `Loses packets between the target and its peers. Exactly one of four models says which:

- \`percent\`: each with that chance; with \`correlation\` losses come in bursts.
- \`every\`: exactly one of so many, counted over all peers of one direction together, apart for egress and ingress and for IPv4 and IPv6. An
  edit that leaves \`every\` and \`packet\` alone goes on with the count.
- \`gemodel\`: Gilbert and Elliott's: a good and a bad state, each with its own loss.
- \`state\`: four states: received or lost, alone or in a burst.

\`percent\` alone and \`every\` are done by netfilter's statistic match, on any kernel. \`correlation\`, \`gemodel\` and \`state\` are done by
netem on a device of their own, and need netem (module sch_netem), ifb and eBPF classifiers.

Either way the kernel ends the fault at its deadline by itself. Loopback, Docker's DNS at 127.0.0.11 and IPv6 neighbour discovery lose
nothing. TCP hides losses by sending again: expect delay rather than errors. Where the sender leaves it to the network card to cut a
stream into packets, what is lost at once may be up to 64 KB.`;

const MODELS = ['percent', 'every', 'gemodel', 'state'];

const SCHEMA = shapingSchema(
  {
    percent: percent('Each packet is lost with this chance.'),
    correlation: {
      ...CORRELATION,
      description: 'How far each loss depends on the one before, in percent (tc-netem(8)). Beside `percent`.',
    },
    every: {
      type: 'integer',
      minimum: 1,
      maximum: 4_294_967_295,
      description: 'Of so many packets exactly one is lost.',
    },
    packet: {
      type: 'integer',
      minimum: 0,
      default: 0,
      description: 'Which one of `every`, from 0: the first.',
    },
    gemodel: {
      type: 'object',
      description:
        'Loss by the model of Gilbert and Elliott, in percent for each packet (tc-netem(8), gemodel).',
      additionalProperties: false,
      required: ['p'],
      properties: {
        p: percent('From the good state to the bad one.'),
        r: percent('From the bad state back. Default: 100 less `p`, so that states do not last.'),
        lossInBad: percent('Loss in the bad state (`1-h`). Default 100.', 'zero'),
        lossInGood: percent('Loss in the good state (`1-k`). Default 0.', 'zero'),
      },
    },
    state: {
      type: 'object',
      description:
        'Loss by four states, in percent for each packet (tc-netem(8), state): 1 received, 2 received within a burst, 3 lost within a burst, 4 lost alone.',
      additionalProperties: false,
      required: ['p13'],
      properties: {
        p13: percent('From received to a burst of losses.'),
        p31: percent('From a burst back to received. Default: 100 less `p13`.'),
        p32: percent('From lost to received within the burst. Default 0.', 'zero'),
        p23: percent('From received to lost within the burst. Default 100.', 'zero'),
        p14: percent('From received to lost alone. Default 0.', 'zero'),
      },
    },
  },
  {
    anyOf: MODELS.map((field) => ({ type: 'object', required: [field] })),
    dependentRequired: { packet: ['every'], correlation: ['percent'] },
    not: {
      type: 'object',
      anyOf: MODELS.flatMap((one, index) =>
        MODELS.slice(index + 1).map((other) => ({ type: 'object', required: [one, other] })),
      ),
    },
  },
);

/** What the two ways share, and the reference shows. */
const LOSS = {
  type: 'network-loss',
  summary: 'Loses packets between the target and its peers: at random, every nth, or in bursts.',
  description: DESCRIPTION,
  schema: SCHEMA,
  example: { type: 'network-loss', to: [{ service: 'redis' }], percent: 25 },
} satisfies Partial<FaultKind>;

/** Loses packets between a target and peers. */
export const networkLoss: FaultKind = {
  ...LOSS,
  ...eitherWay({
    netfilter: netfilterKind({
      ...LOSS,
      needs: ['match-statistic'],
      verdict: lose,
      answers: () => false,
      problems: statisticProblems,
    }),
    netem: shapingKind({ ...LOSS, needs: 'netem', problems: modelProblems, qdisc: model }),
    by: (fault) => (isModel(fault) ? 'netem' : 'netfilter'),
  }),
};

function isModel(fault: FaultSpec): boolean {
  return ['correlation', 'gemodel', 'state', 'interface'].some((field) => fault[field] !== undefined);
}

function statisticProblems(fault: FaultSpec): string[] {
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

function modelProblems(fault: FaultSpec): string[] {
  if (fault.every !== undefined)
    return ['interface: not beside `every`, which netfilter does for all interfaces'];
  const { p, r } = (fault.gemodel ?? {}) as Record<string, number>;
  const { p13, p31 } = (fault.state ?? {}) as Record<string, number>;
  const certain = [
    ...(p === 100 && r === undefined ? ['gemodel: p of 100 needs an r'] : []),
    ...(p13 === 100 && p31 === undefined ? ['state: p13 of 100 needs a p31'] : []),
  ];
  return [...certain, ...chanceProblems(fault, ['percent'])];
}

/** Every number is named: what tc leaves out it fills in by rules of its own. */
function model(fault: FaultSpec): Qdisc {
  if (fault.gemodel) {
    const { p = 0, r = 100 - p, lossInBad = 100, lossInGood = 0 } = fault.gemodel as Record<string, number>;
    return netem(['loss', 'gemodel', ...[p, r, lossInBad, lossInGood].map(asPercent)]);
  }
  if (fault.state) {
    const { p13 = 0, p31 = 100 - p13, p32 = 0, p23 = 100, p14 = 0 } = fault.state as Record<string, number>;
    return netem(['loss', 'state', ...[p13, p31, p32, p23, p14].map(asPercent)]);
  }
  return netem(['loss', 'random', ...chance(fault)]);
}

function asPercent(value: number): string {
  return `${value}%`;
}
