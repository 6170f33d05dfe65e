import { durationMs } from '../../core/duration.ts';
import type { FaultSpec } from '../../core/types.ts';
import { thresholdFor } from './correlation.ts';
import type { Qdisc } from './lane.ts';

/** Packets a second that a queue is sized for where no rate is given: 10 Gbit/s of large packets come to less than a million. */
const PACKETS_PER_SECOND = 250_000;
/** netem's own default, and a bound that keeps a flood from taking all memory. */
const [FEWEST, MOST] = [1000, 500_000];
/** Bytes of a full packet. */
const PACKET = 1500;
/** ms that a queue before a slow line holds, and the packets that it holds at least. */
const QUEUE = 200;
const SHORTEST_QUEUE = 20;

/**
 * How many packets netem may hold (tc-netem(8), limit). Without a rate none is to be dropped for want of room: as many as come in while
 * one waits. With one, those on their way and a queue as a slow line has: what comes faster is lost. `holds` in ms, `rate` in bit/s.
 */
export function queueLimit(holds: number, rate?: number): number {
  const packets =
    rate === undefined
      ? Math.max(FEWEST, (holds / 1000) * PACKETS_PER_SECOND)
      : Math.max(SHORTEST_QUEUE, ((rate / 8) * ((holds + QUEUE) / 1000)) / PACKET);
  return Math.min(MOST, Math.ceil(packets));
}

/** A netem qdisc. `holds`: the longest that it keeps a packet, in ms; `rate` in bit/s. */
export function netem(
  args: readonly string[],
  { holds = 0, handle = 1, rate }: { holds?: number; handle?: number; rate?: number | undefined } = {},
): Qdisc {
  const limited = rate === undefined ? [] : ['rate', `${rate}bit`];
  return { args: ['netem', 'limit', `${queueLimit(holds, rate)}`, ...args, ...limited], handle };
}

/** A duration as tc takes it: whole microseconds. */
export function micros(duration: unknown): string {
  return `${Math.round(durationMs(String(duration)) * 1000)}us`;
}

/**
 * A chance and its correlation, both named always: a change that leaves one out would leave it as it was. Where one packet depends on
 * the other, netem is told another chance than the wanted one, which is what then comes out.
 */
export function chance(fault: FaultSpec, field = 'percent'): [string, string] {
  const { correlation = 0, [field]: wanted } = fault;
  if (correlation === 0) return [`${wanted}%`, '0%'];
  const told = thresholdFor(Number(wanted) / 100, Number(correlation) / 100);
  return [`${(told * 100).toFixed(8)}%`, `${correlation}%`];
}

/** netem counts chances in 2^-32: less comes to nothing. One sentence a mistake. */
export function chanceProblems(fault: FaultSpec, fields: readonly string[]): string[] {
  return fields
    .filter((field) => typeof fault[field] === 'number' && fault[field] > 0 && fault[field] < 0.000_000_03)
    .map((field) => `${field}: ${fault[field]} is less than netem can count (0.00000003)`);
}
