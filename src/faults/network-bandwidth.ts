import type { FaultSpec } from '../core/types.ts';
import { parseRate, parseSize } from '../core/units.ts';
import type { FaultKind } from './fault.ts';
import { shapingKind } from './shape/kind.ts';
import type { Qdisc } from './shape/lane.ts';
import { shapingSchema } from './shape/schema.ts';

const DESCRIPTION = `Limits how fast packets pass between the target and its peers: a token bucket (tc-tbf(8)) on a device of their own, one for each direction.
All peers of a direction share the rate, over all interfaces.

After a pause \`burst\` bytes may pass beyond the rate, no faster than \`ceil\`. What does not fit waits in a queue of \`limit\` bytes; what
does not fit there is lost, as on a slow line.

The filter that picks packets ends at the deadline by itself, in the kernel. Needs tbf, ifb and eBPF classifiers, but no netem: \`squall
doctor\` tells.`;

/** Bytes of one packet with its headers: a bucket must hold one. */
const PACKET = 1600;
/** The same where networks carry larger frames: what does not fit into a bucket never passes. */
const LARGE_PACKET = 9216;
/** Of the rate, what a bucket and a queue hold where nothing is said, in seconds. */
const BURST_SECONDS = 0.01;
const QUEUE_SECONDS = 0.2;
const SMALLEST_QUEUE = 15_000;

/** Limits the rate between a target and peers. */
export const networkBandwidth: FaultKind = shapingKind({
  type: 'network-bandwidth',
  summary: 'Limits the rate between the target and its peers.',
  description: DESCRIPTION,
  schema: shapingSchema(
    {
      rate: {
        type: 'string',
        format: 'rate',
        description: 'Bits per second, such as `512kbit`, `10mbit` or `1gbit`.',
      },
      burst: {
        type: 'string',
        format: 'size',
        description:
          'Bytes that may pass at once after a pause, such as `32KiB`. Default: what the rate passes in 10 ms, at least 9216 bytes, so that the largest frames pass. Less than a frame of the network lets none through.',
      },
      ceil: {
        type: 'string',
        format: 'rate',
        description:
          'How fast a burst may pass. More than `rate`. Default: as fast as it comes. Not for networks of frames above 1,600 bytes: none would pass.',
      },
      limit: {
        type: 'string',
        format: 'size',
        description:
          'Bytes that may wait, such as `64KiB`; as many as `burst` in any case. Default: what the rate passes in 200 ms, at least 15 KB.',
      },
    },
    { required: ['rate'] },
  ),
  example: { type: 'network-bandwidth', to: [{ service: 'postgres' }], rate: '1mbit' },
  needs: 'tbf',
  problems,
  qdisc,
});

function problems(fault: FaultSpec): string[] {
  const found: string[] = [];
  const [rate, ceil] = [parseRate(fault.rate), parseRate(fault.ceil)];
  for (const field of ['rate', 'ceil'])
    if (fault[field] !== undefined && parseRate(fault[field]) === undefined)
      found.push(`${field}: ${fault[field]} is no rate such as 512kbit or 10mbit (1kbit to 100gbit)`);
  for (const field of ['burst', 'limit'])
    if (fault[field] !== undefined && (parseSize(fault[field]) ?? 0) < PACKET)
      found.push(`${field}: ${fault[field]} is no size of ${PACKET}B at least, which a packet takes`);
  // The kernel counts both in whole bytes.
  if (rate !== undefined && ceil !== undefined && Math.floor(ceil / 8) <= Math.floor(rate / 8))
    found.push(`ceil: ${fault.ceil} must be more than the rate (${fault.rate}), by a byte a second at least`);
  return found;
}

function qdisc(fault: FaultSpec): Qdisc {
  const rate = parseRate(fault.rate) ?? 0;
  const ceil = parseRate(fault.ceil);
  const bytes = rate / 8;
  const burst = parseSize(fault.burst) ?? Math.max(LARGE_PACKET, Math.ceil(bytes * BURST_SECONDS));
  const queue = parseSize(fault.limit) ?? Math.max(SMALLEST_QUEUE, Math.ceil(bytes * QUEUE_SECONDS));
  // A stream that the sender leaves to the network card comes in pieces as large as the bucket, of which one must fit.
  const limit = Math.max(queue, burst);
  const args = ['tbf', 'rate', `${rate}bit`, 'burst', `${burst}b`, 'limit', `${limit}b`];
  if (ceil !== undefined) args.push('peakrate', `${ceil}bit`, 'mtu', `${PACKET}`);
  // A bucket with a ceiling does not give it up by a change.
  return { args, handle: ceil === undefined ? 1 : 2 };
}
