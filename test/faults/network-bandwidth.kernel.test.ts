import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { FaultSpec } from '../../src/core/types.ts';
import { type OneWay, stream } from '../lab/measure.ts';
import { throughput, udpThroughput } from '../lab/throughput.ts';
import {
  about,
  between,
  edit,
  type FaultWire,
  openFaultWire,
  recoverAll,
  strike,
  untouched,
} from './wire-support.ts';

/** Of a full TCP packet (1,514 bytes), and of a datagram of 1,200 bytes, by family. */
const TCP_PAYLOAD = { 4: 1448 / 1514, 6: 1428 / 1514 };
const UDP_PAYLOAD = { 4: 1200 / 1242, 6: 1200 / 1262 };
const MBIT = 1_000_000;

describe('network-bandwidth on a wire', () => {
  let wire: FaultWire<'client' | 'server' | 'other'>;
  before(async () => {
    wire = await openFaultWire({ client: {}, server: {}, other: {} });
  });
  afterEach(recoverAll);
  after(() => wire.close());

  const limit = (how: Omit<FaultSpec, 'type'>): FaultSpec => ({
    type: 'network-bandwidth',
    to: [{ container: 'server' }],
    ...how,
  });
  /** 120 datagrams of 1,042 bytes with their headers, in 60 ms. */
  const salvo = () => {
    const { client, server } = wire.cells;
    const flow = { count: 120, intervalMs: 0.5, bytes: 1000, warmup: 0, timeoutMs: 2500 };
    return stream(client, server, server.ip4, flow);
  };

  test('holds TCP and UDP to its rate, in both ways and families, and nobody else', async (t) => {
    const { client, server, other } = wire.cells;
    // Where less may wait TCP loses packets, and what arrives comes in leaps: a second is no measure of that. The burst makes up for
    // moments in which this kernel does not run at all.
    const fault = limit({ rate: '2mbit', burst: '16KiB', limit: '256KiB', direction: 'both' });
    await strike(fault, client, wire.world);
    const times = { durationMs: 1000, skipMs: 300 };
    for (const [way, from, to] of [
      ['egress', client, server],
      ['ingress', server, client],
    ] as const)
      for (const family of [4, 6] as const) {
        const address = family === 4 ? to.ip4 : to.ip6;
        const tcp = await throughput(from, to, address, times);
        about(
          t,
          `${way}, TCP over IPv${family}, bit/s`,
          (tcp.bytesPerSecond * 8) / TCP_PAYLOAD[family],
          2 * MBIT,
        );
        const udp = await udpThroughput(from, to, address, { offered: 325_000, ...times });
        about(
          t,
          `${way}, UDP over IPv${family}, bit/s`,
          (udp.bytesPerSecond * 8) / UDP_PAYLOAD[family],
          2 * MBIT,
        );
      }
    await untouched(t, 'another peer', () =>
      stream(client, other, other.ip4, { bytes: 1200, count: 500, intervalMs: 1 }),
    );
  });

  test('lets a burst pass at once, no faster than its ceiling, and holds what it is told to hold', async (t) => {
    const base = { rate: '512kbit', burst: '32KiB' };
    const held = 64 * 1024;
    const [bytes, perMs, ceilPerMs] = [1042, 64, 500];
    const apart = ({ arrivedMs }: OneWay, first: number, last: number) =>
      ((arrivedMs[last] ?? Number.NaN) - (arrivedMs[first] ?? Number.NaN)) / (last - first);
    /** Of what has passed by the last arrival all but what the rate lets pass meanwhile, in bytes. */
    const burst = ({ arrivedMs }: OneWay) => arrivedMs.length * bytes - (arrivedMs.at(-1) ?? 0) * perMs;
    // The ceiling first: it must be gone afterwards.
    const capped = limit({ ...base, ceil: '4mbit', limit: '256KiB' });
    const effect = await strike(capped, wire.cells.client, wire.world);
    const slow = await salvo();
    assert.deepEqual(slow.lost, []);
    about(t, 'ceil: bytes of the burst', burst(slow), 32 * 1024);
    about(t, 'ceil: ms between packets of the burst', apart(slow, 2, 28), bytes / ceilPerMs);
    about(t, 'ceil: ms between packets after it', apart(slow, 45, 115), bytes / perMs);

    await edit(effect, limit({ ...base, limit: `${held}B` }), wire.cells.client, wire.world);
    const fast = await salvo();
    about(t, 'burst: bytes', burst(fast), 32 * 1024);
    between(t, 'burst: ms between its packets', apart(fast, 2, 28), 0, 1);
    about(t, 'limit: the longest wait, ms', Math.max(...fast.delayMs.map((ms) => ms ?? 0)), held / perMs);
    assert.ok(fast.lost.length > 10, `what does not fit is lost: ${fast.lost.length}`);
  });
});
