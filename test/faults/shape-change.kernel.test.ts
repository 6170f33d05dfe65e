import assert from 'node:assert/strict';
import { after, afterEach, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Effect, FaultSpec } from '../../src/core/types.ts';
import { type OneWay, openStream, spread, stream } from '../lab/measure.ts';
import type { Cell } from '../lab/wire.ts';
import {
  between,
  edit,
  type FaultWire,
  openFaultWire,
  recoverAll,
  recoverFully,
  strike,
} from './wire-support.ts';

const PACKETS = 10_000;

/** Packets that no fault is about, a thousand a second, while faults come, change and go. */
describe('packets that a fault is not about', () => {
  let wire: FaultWire<'client' | 'server'>;
  before(async () => {
    wire = await openFaultWire({ client: {}, server: {} });
  });
  afterEach(recoverAll);
  after(() => wire.close());

  const latency = (port: number, delay: number): FaultSpec => ({
    type: 'network-latency',
    to: [{ container: 'server' }],
    direction: 'both',
    ports: [port],
    protocol: 'udp',
    delay: `${delay}ms`,
  });
  const put = (cell: Cell, port: number, delay: number) => strike(latency(port, delay), cell, wire.world);
  const change = (cell: Cell, effect: Effect, port: number, delay: number) =>
    edit(effect, latency(port, delay), cell, wire.world);

  /** Floods from the client to the server until all is done, and for 10,000 packets at least. */
  const floodDuring = async (work: () => Promise<void>, intervalMs: number): Promise<OneWay> => {
    const { client, server } = wire.cells;
    const flow = await openStream(client, server, server.ip4, { intervalMs });
    const start = performance.now();
    await work();
    await sleep(start + PACKETS * intervalMs + 200 - performance.now());
    const seen = await flow.stop();
    assert.ok(seen.sent >= PACKETS, `${seen.sent} sent`);
    return seen;
  };
  const tell = (t: TestContext, what: string, { sent, lost, delayMs }: OneWay) => {
    const { median, p99, max } = spread(delayMs);
    const times = [median, p99, max].map((ms) => ms.toFixed(2)).join(', ');
    t.diagnostic(`${what}: ${lost.length} of ${sent} lost; median, p99 and longest delay ${times} ms`);
  };
  /** The delays that stand between the client and ports of the server. */
  const delays = (t: TestContext, wanted: Record<number, number>) =>
    Promise.all(
      Object.entries(wanted).map(async ([port, delay]) => {
        const { client, server } = wire.cells;
        const { delayMs } = await stream(client, server, server.ip4, { port: Number(port), count: 10 });
        const by = delay === 0 ? 50 : 0.1 * delay;
        between(t, `port ${port}, ms`, spread(delayMs).median, delay - by, delay + by);
      }),
    );

  test('are neither lost nor held up while a fault changes, and others come and go', async (t) => {
    const { client } = wire.cells;
    const usual = await floodDuring(async () => {}, 0.5);
    const before = await put(client, 5001, 900);
    const seen = await floodDuring(async () => {
      const first = await change(client, before, 5001, 600);
      const second = await put(client, 5002, 700);
      const third = await put(client, 5003, 800);
      await delays(t, { 5001: 600, 5002: 700, 5003: 800 });
      await recoverFully(second);
      await change(client, first, 5001, 900);
      await recoverFully(third);
      await delays(t, { 5001: 900, 5002: 0, 5003: 0 });
    }, 1);
    tell(t, 'nothing happens', usual);
    tell(t, 'a fault changes, two come and go', seen);
    // This one processor runs those who change things, too, and has moments for nobody: a fault holds for twice as long. What it held
    // for less would still be overtaken by what comes after.
    assert.ok(spread(seen.delayMs).max < 300, `${spread(seen.delayMs).max} ms`);
    const { lost, duplicated, reordered, corrupted } = seen;
    assert.deepEqual([lost, duplicated, reordered, corrupted], [[], [], [], 0]);
  });

  test('are hardly lost where the first fault comes and the last one goes', async (t) => {
    let times = 0;
    const work = async () => {
      for (; times < 3; times++) await recoverFully(await put(wire.cells.client, 5001, 600));
    };
    const seen = await floodDuring(work, 0.5);
    tell(t, `${times} times first on and last off`, seen);
    assert.ok(seen.lost.length < 20, `${seen.lost.length} lost`);
    assert.deepEqual(seen.reordered, []);
  });
});
