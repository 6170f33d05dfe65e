import { durationMs } from '../core/duration.ts';
import type { FaultSpec } from '../core/types.ts';
import type { FaultKind } from './fault.ts';
import { shapingKind } from './shape/kind.ts';
import { chance, chanceProblems, micros, netem } from './shape/netem.ts';
import { CORRELATION, percent, shapingSchema } from './shape/schema.ts';

const DESCRIPTION = `Lets some packets between the target and its peers overtake others, by netem on a device of their own: \`percent\` of them go at once, and all
the others wait for \`delay\`. With \`gap\` only every nth packet may go at once.

The filter that picks packets ends at the deadline by itself, in the kernel. Needs netem (module sch_netem), ifb and eBPF classifiers:
\`squall doctor\` tells.`;

/** Lets packets between a target and peers overtake each other. */
export const networkReorder: FaultKind = shapingKind({
  type: 'network-reorder',
  summary: 'Lets packets between the target and its peers overtake each other.',
  description: DESCRIPTION,
  schema: shapingSchema(
    {
      percent: percent('Each packet goes at once with this chance; the others wait.'),
      correlation: CORRELATION,
      delay: {
        type: 'string',
        format: 'duration',
        default: '10ms',
        description: 'How long the others wait.',
      },
      gap: {
        type: 'integer',
        minimum: 1,
        maximum: 4_294_967_295,
        default: 1,
        description: 'Only every so manieth packet may go at once (tc-netem(8)); 1: any.',
      },
    },
    { required: ['percent'] },
  ),
  example: { type: 'network-reorder', to: [{ service: 'redis' }], percent: 25, delay: '20ms' },
  needs: 'netem',
  problems: (fault) => [...chanceProblems(fault, ['percent']), ...delayProblems(fault)],
  qdisc: (fault) => {
    const delay = fault.delay ?? '10ms';
    const args = [
      'delay',
      micros(delay),
      '0us',
      '0%',
      'reorder',
      ...chance(fault),
      'gap',
      `${fault.gap ?? 1}`,
    ];
    return netem(args, { holds: durationMs(String(delay)) });
  },
});

function delayProblems({ delay }: FaultSpec): string[] {
  if (delay === undefined) return [];
  const ms = durationMs(String(delay));
  if (ms > 600_000) return [`delay: ${delay} is more than 10m`];
  return ms < 0.001 ? [`delay: ${delay} is less than netem can count (1us)`] : [];
}
