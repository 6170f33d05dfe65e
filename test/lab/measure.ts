import { isIPv6 } from 'node:net';
import { agentOf } from './agent.ts';
import type { Collected, SendOptions } from './agent-io.ts';
import type { Inside } from './child.ts';

/**
 * What becomes of packets between two network namespaces of one machine (cells of a wire, containers), to the packet. Both ends read one
 * clock, so the ways there and back are told apart. Beside User-Mode Linux's own slowness a delay is some 0.1 ms, and a few ms for one
 * packet in a hundred.
 */

/** How datagrams are sent; they are UDP, with a number and a checksum of their own in each. */
export interface FlowOptions {
  /** Default 100; of an open flow: until it is stopped. */
  count?: number;
  /** Default 2. User-Mode Linux keeps up with 0.5, and with 1 where they are echoed. */
  intervalMs?: number;
  /** Of the payload. Default 64. */
  bytes?: number;
  /** The receiver's port. Default: a free one. */
  port?: number;
  /** The sender's own address and port. Default: the kernel's choice. */
  source?: string;
  sourcePort?: number;
  /** Datagrams without a number before the first, 20 ms apart. They find the neighbour and warm up the programs. Default 3. */
  warmup?: number;
  /** What has not arrived so long after the last was sent is lost. Default 1,000. */
  timeoutMs?: number;
  /** Where all have arrived: how long to wait for duplicates. Default 50. */
  quietMs?: number;
}

/** What became of numbered datagrams (from 0) in one direction. */
export interface OneWay {
  sent: number;
  /** Numbers that the sender's own kernel refused to send, as it does for a DROP in OUTPUT; they are lost, too. */
  refused: number[];
  /** Numbers that never arrived whole, in the order in which they were sent. */
  lost: number[];
  /** Numbers that arrived more than once. */
  duplicated: number[];
  /** Numbers that arrived after one that was sent later. */
  reordered: number[];
  /** All arrivals: the numbers, duplicates too, and ms since the first was sent. */
  order: number[];
  arrivedMs: number[];
  /**
   * Packets with something wrong in them: those the receiver's kernel threw away for a checksum or a header (all of its namespace's,
   * by /proc/net/snmp and snmp6), and datagrams that arrived with another payload. They are lost, too. What no checksum covers goes
   * unseen: the Ethernet header (14 bytes) and of IPv6 traffic class, flow label and hop limit. With 1,000 bytes that is 2 in 100.
   */
  corrupted: number;
  /** ms from sending to the first arrival, by number; null: lost. */
  delayMs: (number | null)[];
}

/** `back` is about the receiver's echoes: it echoes each number once, when it first arrives. */
export interface Exchange {
  there: OneWay;
  back: OneWay;
  /** ms, by number; null where no echo came. */
  rttMs: (number | null)[];
}

/** Datagrams under way. */
export interface Flow<Result> {
  /** The receiver's. */
  port: number;
  /** When all was sent, or the flow stopped, and what could arrive has. Rejects where the measure itself lost some. */
  result: Promise<Result>;
  stop(): Promise<Result>;
}

/** Sends datagrams to `address` of `to`: one way. */
export async function stream(
  from: Inside,
  to: Inside,
  address: string,
  options: FlowOptions = {},
): Promise<OneWay> {
  return (await openStream(from, to, address, { count: 100, ...options })).result;
}

/** Sends datagrams to `address` of `to`, which echoes them. */
export async function exchange(
  from: Inside,
  to: Inside,
  address: string,
  options: FlowOptions = {},
): Promise<Exchange> {
  return (await openExchange(from, to, address, { count: 100, ...options })).result;
}

/** A `stream` that goes on while something else is done. */
export async function openStream(
  from: Inside,
  to: Inside,
  address: string,
  options: FlowOptions = {},
): Promise<Flow<OneWay>> {
  return openFlow(from, to, address, options, false, ({ there }) => there);
}

/** An `exchange` that goes on while something else is done. */
export async function openExchange(
  from: Inside,
  to: Inside,
  address: string,
  options: FlowOptions = {},
): Promise<Flow<Exchange>> {
  return openFlow(from, to, address, options, true, (all) => all);
}

async function openFlow<Result>(
  from: Inside,
  to: Inside,
  address: string,
  options: FlowOptions,
  echo: boolean,
  pick: (all: Exchange) => Result,
): Promise<Flow<Result>> {
  const { count = Number.MAX_SAFE_INTEGER, intervalMs = 2, bytes = 64, warmup = 3 } = options;
  const { port = 0, source, sourcePort = 0 } = options;
  const family = isIPv6(address) ? 6 : 4;
  const [sender, receiver] = await Promise.all([agentOf(from), agentOf(to)]);
  const [there, back] = await Promise.all([
    receiver.open({ do: 'udp', family, port, echo }),
    sender.open({ do: 'udp', family, port: sourcePort, echo: false, ...(source && { host: source }) }),
  ]);
  const send: SendOptions = { to: address, port: there.port, count, intervalMs, bytes, warmup };
  const work = async () => {
    const sent = await back.ask({ do: 'send', options: send }, 'sent');
    const { timeoutMs: limitMs = 1000, quietMs = 50 } = options;
    const limits = { quietMs, limitMs };
    const got = await there.ask({ do: 'collect', expect: sent.at.length, ...limits }, 'collected');
    const replies = got.repliedNumbers.length;
    const echoed = await back.ask({ do: 'collect', expect: replies, ...limits }, 'collected');
    checkRoom(got, echoed);
    const numbers = [...sent.at.keys()];
    return pick({
      there: oneWay(numbers, sent.at, sent.refused, got),
      back: oneWay(got.repliedNumbers, got.repliedAt, [], echoed),
      rttMs: numbers.map((number) => since(sent.at[number], firstAt(echoed).get(number))),
    });
  };
  const result = work();
  result.catch(() => {}); // whoever waits for it is told
  return {
    port: there.port,
    result,
    stop: () => {
      back.tell({ do: 'stop' });
      return result;
    },
  };
}

function checkRoom(...all: Collected[]): void {
  const overflowed = all.reduce((sum, one) => sum + one.overflowed, 0);
  if (overflowed > 0) throw new Error(`the measure itself lost ${overflowed} datagrams: send more slowly`);
}

/** `numbers` and `sentAt` side by side, in the order of sending. */
function oneWay(numbers: number[], sentAt: number[], refused: number[], got: Collected): OneWay {
  const arrived = firstAt(got);
  const position = new Map(numbers.map((number, index) => [number, index]));
  const reordered: number[] = [];
  let furthest = -1;
  for (const number of arrived.keys()) {
    const here = position.get(number) ?? 0;
    if (here < furthest) reordered.push(number);
    furthest = Math.max(furthest, here);
  }
  const delayMs: (number | null)[] = [];
  for (const [index, number] of numbers.entries())
    delayMs[number] = since(sentAt[index], arrived.get(number));
  return {
    sent: numbers.length,
    refused,
    lost: numbers.filter((number) => !arrived.has(number)),
    duplicated: repeated(got.numbers),
    reordered,
    order: got.numbers,
    arrivedMs: got.at.map((at) => at - (sentAt[0] ?? at)),
    corrupted: got.damaged + got.rejected,
    delayMs,
  };
}

/** The first arrival of each number, in the order of arrival. */
function firstAt({ numbers, at }: Collected): Map<number, number> {
  const first = new Map<number, number>();
  for (const [index, number] of numbers.entries())
    if (!first.has(number)) first.set(number, at[index] ?? Number.NaN);
  return first;
}

function repeated(numbers: number[]): number[] {
  const seen = new Set<number>();
  const again = new Set<number>();
  for (const number of numbers) (seen.has(number) ? again : seen).add(number);
  return [...again];
}

function since(from: number | undefined, to: number | undefined): number | null {
  return from === undefined || to === undefined ? null : to - from;
}

/** What delays come to, in ms; those that are null (lost) are left out. NaN where there are none. */
export interface Spread {
  min: number;
  median: number;
  mean: number;
  /** Standard deviation. */
  deviation: number;
  p99: number;
  max: number;
}

export function spread(delays: readonly (number | null)[]): Spread {
  const sorted = delays.filter((delay) => typeof delay === 'number').sort((a, b) => a - b);
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  const mean = sorted.reduce((sum, delay) => sum + delay, 0) / sorted.length;
  const variance = sorted.reduce((sum, delay) => sum + (delay - mean) ** 2, 0) / sorted.length;
  return {
    min: rank(0),
    median: rank(0.5),
    mean,
    deviation: Math.sqrt(variance),
    p99: rank(0.99),
    max: rank(1),
  };
}
