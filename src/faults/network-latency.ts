import { durationMs } from '../core/duration.ts';
import type { FaultSpec } from '../core/types.ts';
import { parseRate } from '../core/units.ts';
import type { FaultKind } from './fault.ts';
import { shapingKind } from './shape/kind.ts';
import type { Qdisc } from './shape/lane.ts';
import { micros, netem } from './shape/netem.ts';
import { CORRELATION, shapingSchema } from './shape/schema.ts';

const DESCRIPTION = `Delays the packets between the target and its peers, by netem on a device of their own: every other packet goes its usual way.

\`direction: both\` delays each way, so that a round trip takes twice the delay. With \`jitter\` the delay of each packet differs, and one may
overtake another. With \`rate\` the line is slow as well as long. Loopback, Docker's DNS at 127.0.0.11 and IPv6 neighbour discovery are not
delayed.

The filter that sends packets there matches until the deadline, by the boot clock: the kernel ends the fault by itself, whether or not
anything of Squall still runs and whoever sets the wall clock. Packets that are on their way then still arrive.

Needs netem (module sch_netem), ifb and eBPF classifiers: \`squall doctor\` tells.`;

/** What a table of numbers makes of jitter; the handles keep one from outliving its use. */
const DISTRIBUTIONS = ['uniform', 'normal', 'pareto', 'paretonormal'];
/** Of the distribution's numbers hardly one in a thousand is further out (tc-netem(8): tables reach 4 times the jitter). */
const REACH = 4;
/** ms: netem counts it in 31 bits of nanoseconds, and cuts off what is more without a word. */
const MOST_JITTER = 2147;

/** Delays packets between a target and peers. */
export const networkLatency: FaultKind = shapingKind({
  type: 'network-latency',
  summary: 'Delays the packets between the target and its peers.',
  description: DESCRIPTION,
  schema: shapingSchema(
    {
      delay: { type: 'string', format: 'duration', description: 'How long each packet waits, each way.' },
      jitter: {
        type: 'string',
        format: 'duration',
        description: 'By how much the delay varies, more or less. Not more than `delay`.',
      },
      correlation: {
        ...CORRELATION,
        description:
          'How far each jitter depends on the one before, in percent (tc-netem(8)). Linux takes it, and up to now makes next to nothing of it.',
      },
      distribution: {
        type: 'string',
        enum: DISTRIBUTIONS,
        default: 'uniform',
        description: 'How the jitter is spread (tc-netem(8)).',
      },
      rate: {
        type: 'string',
        format: 'rate',
        description:
          'A slow line, too: bits per second that pass, such as `2mbit`, each way. What does not fit waits in a queue of 200 ms.',
      },
    },
    {
      required: ['delay'],
      dependentRequired: { correlation: ['jitter'], distribution: ['jitter'] },
    },
  ),
  example: {
    type: 'network-latency',
    to: [{ service: 'redis' }],
    ports: [6379],
    protocol: 'tcp',
    delay: '100ms',
    jitter: '20ms',
  },
  needs: 'netem',
  problems,
  qdisc,
});

function problems(fault: FaultSpec): string[] {
  const found: string[] = [];
  const delay = durationMs(String(fault.delay));
  // netem counts in 32 bits of microseconds for older kernels, and more is a block.
  if (delay > 600_000)
    found.push(`delay: ${fault.delay} is more than 10m: use network-block to keep packets from arriving`);
  if (delay < 0.001) found.push(`delay: ${fault.delay} is less than netem can count (1us)`);
  if (fault.jitter !== undefined && durationMs(String(fault.jitter)) > delay)
    found.push(`jitter: ${fault.jitter} is more than the delay (${fault.delay})`);
  if (fault.jitter !== undefined && durationMs(String(fault.jitter)) > MOST_JITTER)
    found.push(`jitter: ${fault.jitter} is more than netem can do (${MOST_JITTER}ms)`);
  if (fault.rate !== undefined && parseRate(fault.rate) === undefined)
    found.push(`rate: ${fault.rate} is no rate such as 512kbit or 10mbit (1kbit to 100gbit)`);
  return found;
}

function qdisc(fault: FaultSpec): Qdisc {
  const { delay, jitter = '0s', distribution = 'uniform' } = fault;
  const holds = durationMs(String(delay)) + REACH * durationMs(String(jitter));
  const args = ['delay', micros(delay), micros(jitter), `${fault.correlation ?? 0}%`];
  // Without a table jitter is spread evenly; a qdisc that has one keeps it, as it keeps a rate: without it, it takes another qdisc.
  if (distribution !== 'uniform') args.push('distribution', String(distribution));
  const rate = parseRate(fault.rate);
  const handle =
    1 + DISTRIBUTIONS.indexOf(String(distribution)) + (rate === undefined ? 0 : DISTRIBUTIONS.length);
  return netem(args, { holds, handle, rate });
}
