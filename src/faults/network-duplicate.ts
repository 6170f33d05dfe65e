import type { FaultKind } from './fault.ts';
import { shapingKind } from './shape/kind.ts';
import { chance, chanceProblems, netem } from './shape/netem.ts';
import { CORRELATION, percent, shapingSchema } from './shape/schema.ts';

const DESCRIPTION = `Sends some packets between the target and its peers twice, by netem on a device of their own. TCP throws the second one away; datagrams arrive
twice.

The filter that picks packets ends at the deadline by itself, in the kernel. Needs netem (module sch_netem), ifb and eBPF classifiers:
\`squall doctor\` tells.`;

/** Doubles packets between a target and peers. */
export const networkDuplicate: FaultKind = shapingKind({
  type: 'network-duplicate',
  summary: 'Doubles packets between the target and its peers.',
  description: DESCRIPTION,
  schema: shapingSchema(
    { percent: percent('Each packet is doubled with this chance.'), correlation: CORRELATION },
    { required: ['percent'] },
  ),
  example: { type: 'network-duplicate', to: [{ service: 'redis' }], percent: 10 },
  needs: 'netem',
  problems: (fault) => chanceProblems(fault, ['percent']),
  qdisc: (fault) => netem(['duplicate', ...chance(fault)]),
});
