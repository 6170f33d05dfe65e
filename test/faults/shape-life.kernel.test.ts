import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { deadlineIn, systemClock } from '../../src/core/clock.ts';
import { deviceName } from '../../src/core/marks.ts';
import type { Effect, FaultSpec } from '../../src/core/types.ts';
import { type OneWay, openExchange, spread, stream } from '../lab/measure.ts';
import type { Cell } from '../lab/wire.ts';
import {
  about,
  between,
  delayed,
  edit,
  type FaultWire,
  intend,
  observe,
  openFaultWire,
  recover,
  recoverAll,
  recoverFully,
  snapshot,
  strike,
  untouched,
} from './wire-support.ts';

const HOUR = 3600;

describe('a packet-level fault, from beginning to end', () => {
  let wire: FaultWire<'client' | 'server'>;
  let client: Cell;
  let server: Cell;
  before(async () => {
    wire = await openFaultWire({ client: {}, server: {} });
    ({ client, server } = wire.cells);
  });
  afterEach(recoverAll);
  after(() => wire.close());

  const latency = (delay: number, rest: Omit<FaultSpec, 'type'> = {}): FaultSpec => ({
    type: 'network-latency',
    to: [{ container: 'server' }],
    direction: 'both',
    delay: `${delay}ms`,
    ...rest,
  });
  /** On the same interface, about nobody who is there. */
  const elsewhere = latency(200, { to: [{ cidr: '10.9.9.9/32' }], interface: 'eth0' });

  test('ends by itself at its deadline, in both ways, wherever the wall clock is put meanwhile', async (t) => {
    // Of two clocks that run alike, one is the kernel's for deadlines, the other the one that packets are timed by.
    const ahead = systemClock.boot() - performance.now();
    const deadline = deadlineIn(systemClock, 5000);
    await strike(latency(100), client, wire.world, { deadline });
    const flow = await openExchange(client, server, server.ip4, { intervalMs: 4 });
    step(HOUR);
    await sleep(200);
    step(-2 * HOUR);
    t.after(() => step(HOUR));
    await sleep(deadline.boot - systemClock.boot() + 500);
    const stopped = performance.now() + ahead;
    const { there, back } = await flow.stop();
    for (const [what, way] of Object.entries({ egress: there, ingress: back })) {
      const { delayMs } = way;
      const first = delayMs.findIndex((delay) => delay !== null && delay < 50);
      assert.ok(first > 20, `${first} packets are delayed until then`);
      await delayed(t, `${what}, until then`, { ...way, delayMs: delayMs.slice(0, first) }, 100);
      assert.ok(spread(delayMs.slice(first)).median < 20, 'and none after it');
      // The last packet left just before the flow was stopped.
      const sentMs = sendingTimes(way);
      const at = stopped - ((sentMs.at(-1) ?? Number.NaN) - (sentMs[first] ?? Number.NaN));
      between(t, `${what}: ms from the deadline to the first that is not`, at - deadline.boot, -50, 1000);
    }
  });

  test('leaves neighbour discovery and loopback alone, even where it is about everyone', async (t) => {
    const everyone = { to: [{ any: true }] };
    const forget = async () => {
      for (const cell of [client, server]) await cell.run('ip', ['neigh', 'flush', 'all']);
    };
    const delay = 800;
    const effect = await strike(latency(delay, everyone), client, wire.world);
    const few = { count: 5, warmup: 0, timeoutMs: 6000 };
    for (const address of [server.ip4, server.ip6]) {
      // Question and answer about the neighbour come first: they would take another delay each.
      const strangers = async () => {
        await forget();
        return stream(client, server, address, few);
      };
      await delayed(t, `to a neighbour to be found, ${address}`, strangers, delay);
    }
    for (const address of ['127.0.0.1', '127.0.0.11', '::1', client.ip4, client.ip6])
      await untouched(t, `by loopback, ${address}`, () => stream(client, client, address, few));
    await edit(effect, latency(delay, { ...everyone, protocol: 'icmp' }), client, wire.world);
    await forget();
    const { delayMs, lost } = await stream(client, server, server.ip6, few);
    assert.deepEqual(lost, []);
    between(t, 'with ICMP delayed, UDP to a neighbour to be found, ms', spread(delayMs).max, 0, delay / 2);
    assert.equal(await client.pings(server.ip6), false, 'an echo takes more than a second');
  });

  test('lets packets that are on their way arrive when it changes and when it is recovered', async (t) => {
    // Another fault stays: where the last one goes, its clsact qdisc goes with it, for which the kernel stops the interface for a moment.
    await strike(elsewhere, client, wire.world);
    const effect = await strike(latency(300), client, wire.world);
    const flow = await openExchange(client, server, server.ip4, { intervalMs: 2 });
    await sleep(700);
    // Longer than a recovery takes that does not wait.
    const longer = await edit(effect, latency(600), client, wire.world);
    await sleep(300);
    const start = performance.now();
    await recoverFully(longer);
    t.diagnostic(`recovered within ${(performance.now() - start).toFixed(0)} ms`);
    await sleep(100);
    const { there, back } = await flow.stop();
    for (const [way, { lost, duplicated, delayMs, sent }] of Object.entries({ there, back })) {
      assert.deepEqual([lost, duplicated], [[], []], `${way}, of ${sent}`);
      about(t, `${way}, ${sent} sent: delay at first, ms`, spread(delayMs.slice(0, 20)).min, 300);
      between(t, `${way}: delay at last, ms`, spread(delayMs.slice(-20)).min, 0, 20);
    }
  });

  /** What someone, or half an injection, may leave: made by hand from an effect that is not injected, or out of one that is. */
  const HALF: Record<string, { injected: boolean; by: (devices: string[]) => string[][] }> = {
    'the device only': {
      injected: false,
      by: ([egress = '']) => [['ip', 'link', 'add', 'name', egress, 'type', 'ifb']],
    },
    'the device and a clsact': {
      injected: false,
      by: ([egress = '']) => [
        ['ip', 'link', 'add', 'name', egress, 'type', 'ifb'],
        ['tc', 'qdisc', 'add', 'dev', 'eth0', 'clsact'],
      ],
    },
    'filters that lead to a device without its qdisc': {
      injected: true,
      by: (devices) => devices.map((dev) => ['tc', 'qdisc', 'del', 'dev', dev, 'root']),
    },
    'filters that lead nowhere': {
      injected: true,
      by: (devices) => devices.map((dev) => ['ip', 'link', 'del', 'dev', dev]),
    },
    'one way of two': {
      injected: true,
      by: ([egress = '']) => [
        ['tc', 'filter', 'del', 'dev', 'eth0', 'egress'],
        ['ip', 'link', 'del', 'dev', egress],
      ],
    },
    nothing: {
      injected: true,
      by: (devices) => [
        ['tc', 'qdisc', 'del', 'dev', 'eth0', 'clsact'],
        ...devices.map((dev) => ['ip', 'link', 'del', 'dev', dev]),
      ],
    },
  };

  test('is recovered from any half-done state, and again', async (t) => {
    const before = await snapshot(client);
    for (const [what, { injected, by }] of Object.entries(HALF)) {
      const effect = await (injected ? strike : intend)(latency(600), client, wire.world);
      for (const [program = '', ...args] of by(devicesOf(effect))) await client.run(program, args);
      const how = await recoverFully(effect);
      await untouched(t, `${what}: ${how}`, () => stream(client, server, server.ip6, { count: 20 }));
      if (injected) continue;
      assert.deepEqual(await recover(effect), { done: true, how: 'no filters were there' });
    }
    assert.equal(await snapshot(client), before);
  });

  test('is put back where its device was taken away, and meanwhile is in the way of no other', async (t) => {
    const effect = await strike(latency(300), client, wire.world);
    for (const dev of devicesOf(effect)) await client.run('ip', ['link', 'del', 'dev', dev]);
    assert.notEqual(await observe(effect), 'present');
    const other = await strike(elsewhere, client, wire.world);
    const mended = await edit(effect, effect.fault, client, wire.world);
    assert.equal(await observe(mended), 'present');
    await delayed(t, 'put back', () => stream(client, server, server.ip4, { count: 20 }), 300);
    await recoverFully(other);
    await delayed(t, 'alone again', () => stream(client, server, server.ip4, { count: 20 }), 300);
  });
});

/** Both, egress first. */
function devicesOf({ instance, runId, slot }: Effect): string[] {
  return (['egress', 'ingress'] as const).map((way) => deviceName(instance, runId, slot, way));
}

/** When each was sent, by number, in ms since the first. */
function sendingTimes({ order, arrivedMs, delayMs }: OneWay): number[] {
  const times: number[] = [];
  for (const [index, number] of order.entries())
    times[number] ??= (arrivedMs[index] ?? Number.NaN) - (delayMs[number] ?? Number.NaN);
  return times;
}

/** Steps this kernel's wall clock, which is no one else's. */
function step(seconds: number): void {
  const to = Math.round(Date.now() / 1000) + seconds;
  const { status, stderr } = spawnSync('date', ['-s', `@${to}`], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}
