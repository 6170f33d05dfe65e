import type { FaultSchema } from '../fault.ts';
import { filterSchema } from '../net/schema.ts';
import { MOST_CORRELATION } from './correlation.ts';

const INTERFACE = {
  type: 'string',
  pattern: '^[^\\s/:]{1,15}$',
  description:
    "One interface of the target, such as `eth0`. Default: every interface that leads to the peers, found by the target's routes.",
};

/** A share in percent, for chances. */
export function percent(
  description: string,
  least: 'above-zero' | 'zero' = 'above-zero',
): Record<string, unknown> {
  const bound = least === 'zero' ? { minimum: 0 } : { exclusiveMinimum: 0 };
  return { type: 'number', ...bound, maximum: 100, description };
}

/** How much each chance hangs on the one before (tc-netem(8)). */
export const CORRELATION = {
  ...percent(
    'How far each packet depends on the one before, in percent (tc-netem(8)): as many are hit, closer together. Default 0: not at all.',
    'zero',
  ),
  maximum: MOST_CORRELATION * 100,
};

/** The schema of a packet-level kind: the filter of all network kinds, the interface, then the kind's own parameters. */
export function shapingSchema(
  own: Record<string, Record<string, unknown>>,
  keywords: Record<string, unknown> = {},
): FaultSchema {
  return filterSchema({ interface: INTERFACE, ...own }, keywords);
}
