import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultSpec } from '../../src/core/types.ts';
import { formatTable } from '../../src/report/table.ts';
import { agentOf } from '../../test/lab/agent.ts';
import { monotonic } from '../../test/lab/agent-io.ts';
import { type Inside, startChild } from '../../test/lab/child.ts';
import type { Loop } from '../loop.ts';
import { summarize } from '../stats.ts';
import { experiment } from './catalogue.ts';
import type { Place, Target } from './place.ts';

/** Where the flow goes: out of the target, or into it. */
type Way = 'sent' | 'received';

/** What a step does to a flow that is none of the fault's: one value for each time that it was taken. */
export interface Swap {
  step: string;
  way: Way;
  /** Packets. */
  lost: number[];
  /** ms from the first lost one to the first that came through again. */
  spanMs: number[];
  /** ms that the slowest one took. */
  slowestMs: number[];
}

/** ms of CLOCK_MONOTONIC. */
interface Window {
  step: string;
  from: number;
  to: number;
}

/** A flow, by number. `arrived`: undefined where it was lost. Times in ms of CLOCK_MONOTONIC. */
export interface Steady {
  sent: readonly number[];
  arrived: readonly (number | undefined)[];
}

const PER_SECOND = 20_000;
/** ms between two steps, and of a step's end that count as its own. */
const PAUSE = 20;
const TAIL = 5;
/** A flow that its own receiver could not follow tells nothing: it is sent again. */
const TRIES = 5;

/** Lanes come to and go from a target while it sends to a peer, or receives from it, what no lane wants. */
export async function measureSwaps(place: Place, way: Way, loop: Loop): Promise<Swap[]> {
  const [target] = place.targets;
  const found = new Map<string, Swap>();
  if (!target) return [];
  await loop(async () => {
    const { windows, flow } = await once(place, target, way);
    for (const window of windows) {
      const { step } = window;
      const { lost, spanMs, slowestMs } = damage(flow, window);
      const swap = found.get(step) ?? { step, way, lost: [], spanMs: [], slowestMs: [] };
      found.set(step, swap);
      swap.lost.push(lost);
      swap.spanMs.push(spanMs);
      swap.slowestMs.push(slowestMs);
    }
  });
  return [...found.values()];
}

async function once(place: Place, target: Target, way: Way): Promise<{ windows: Window[]; flow: Steady }> {
  const { peer, address, driver } = place;
  const own = driver.inventory.get(target.id)?.attachments[0]?.ip4 ?? '';
  for (let tries = 1; tries <= TRIES; tries++) {
    const flow = await (way === 'sent' ? openSteady(target, peer, address) : openSteady(peer, target, own));
    const windows = await takeSteps(place, target);
    const steady = await flow.close();
    if (steady) return { windows, flow: steady };
  }
  throw new Error(`the machine is too busy to receive ${PER_SECOND} packets a second`);
}

async function takeSteps({ driver, address }: Place, target: Target): Promise<Window[]> {
  const windows: Window[] = [];
  const step = async (name: string, act: () => Promise<unknown>) => {
    const from = monotonic();
    await act();
    windows.push({ step: name, from, to: monotonic() + TAIL });
    await sleep(PAUSE);
  };
  const lane = (name: string, port: number, rate = '1mbit') => {
    const fault: FaultSpec = {
      ...{ type: 'network-bandwidth', to: [{ cidr: `${address}/32` }], direction: 'egress', rate },
      ...{ ports: [port], protocol: 'udp' },
    };
    return driver.strike(name, experiment([target], fault));
  };
  await step('nothing', () => sleep(100));
  await step('first lane', () => lane('first', 1));
  await step('second lane', () => lane('second', 2));
  await step('third lane', () => lane('third', 3));
  await step('another filter', () => lane('first', 4));
  await step('another rate', () => lane('first', 4, '2mbit'));
  await step('a look at all', driver.look);
  await step('third lane off', () => driver.lift('third'));
  await step('second lane off', () => driver.lift('second'));
  await step('last lane off', () => driver.lift('first'));
  return windows;
}

/** Closing gives the flow; undefined where the receiver had no room for all of it. */
async function openSteady(from: Inside, to: Inside, address: string) {
  const receiver = await (await agentOf(to)).open({ do: 'udp', family: 4, port: 0, echo: false });
  const options = { to: address, port: receiver.port, perSecond: PER_SECOND };
  const child = await startChild<{ type: string; at: number[] }>(
    from,
    '../../bench/faults/steady-child.ts',
    options,
  );
  await child.next(({ type }) => type === 'ready');
  return {
    close: async (): Promise<Steady | undefined> => {
      const answer = child.next(({ type }) => type === 'sent');
      child.write('stop');
      const { at: sent } = await answer;
      await child.close();
      const limits = { quietMs: 10, limitMs: 100 };
      const got = await receiver.ask({ do: 'collect', expect: sent.length, ...limits }, 'collected');
      const arrived: (number | undefined)[] = sent.map(() => undefined);
      for (const [index, number] of got.numbers.entries()) arrived[number] = got.at[index];
      return got.overflowed > 0 ? undefined : { sent, arrived };
    },
  };
}

/** Pure: what became of the packets that were sent between `from` and `to`. */
export function damage(
  { sent, arrived }: Steady,
  { from, to }: Pick<Window, 'from' | 'to'>,
): { lost: number; spanMs: number; slowestMs: number } {
  const result = { lost: 0, spanMs: 0, slowestMs: 0 };
  for (const [number, time] of sent.entries()) {
    if (time < from || time > to) continue;
    const came = arrived[number];
    if (came === undefined) {
      result.lost++;
      result.spanMs += (sent[number + 1] ?? time) - time;
    } else result.slowestMs = Math.max(result.slowestMs, came - time);
  }
  return result;
}

/** Medians and the worst. */
export function swapsTable(swaps: readonly Swap[]): string {
  const two = (values: number[], digits: number) => {
    const { p50, max } = summarize(values);
    return `${p50.toFixed(digits)} / ${max.toFixed(digits)}`;
  };
  return formatTable<Swap>(
    [
      { title: 'A FLOW BESIDE IT', value: ({ step }) => step },
      { title: `${PER_SECOND}/S`, value: ({ way }) => way },
      { title: 'N', value: ({ lost }) => String(lost.length) },
      { title: 'PACKETS LOST (P50 / MAX)', value: ({ lost }) => two(lost, 0) },
      { title: 'FOR (MS)', value: ({ spanMs }) => two(spanMs, 2) },
      { title: 'SLOWEST PACKET (MS)', value: ({ slowestMs }) => two(slowestMs, 2) },
    ],
    swaps,
  );
}
