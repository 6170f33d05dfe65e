import type { FaultKind } from './fault.ts';
import { shapingKind } from './shape/kind.ts';
import { chance, chanceProblems, netem } from './shape/netem.ts';
import { CORRELATION, percent, shapingSchema } from './shape/schema.ts';

const DESCRIPTION = `Flips one bit in some packets between the target and its peers, by netem on a device of their own. Checksums catch most of them, and the
receiver's kernel drops what they catch: TCP sends again, a datagram is lost.

Between containers of one host the kernel may pass packets on with checksums that are not computed yet. netem computes them first, so
that the damage is found.

The filter that picks packets ends at the deadline by itself, in the kernel. Needs netem (module sch_netem), ifb and eBPF classifiers:
\`squall doctor\` tells.`;

/** Damages packets between a target and peers. */
export const networkCorrupt: FaultKind = shapingKind({
  type: 'network-corrupt',
  summary: 'Damages packets between the target and its peers.',
  description: DESCRIPTION,
  schema: shapingSchema(
    { percent: percent('Each packet is damaged with this chance.'), correlation: CORRELATION },
    { required: ['percent'] },
  ),
  example: { type: 'network-corrupt', to: [{ service: 'redis' }], percent: 5 },
  needs: 'netem',
  problems: (fault) => chanceProblems(fault, ['percent']),
  qdisc: (fault) => netem(['corrupt', ...chance(fault)]),
});
