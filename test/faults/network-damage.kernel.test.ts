import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { FaultSpec } from '../../src/core/types.ts';
import { exchange, stream } from '../lab/measure.ts';
import { bounds, chance } from './odds.ts';
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

const COUNT = 800;

/** Each bound is left one time in 10^7. */
describe('what happens to single packets, on a wire', () => {
  let wire: FaultWire<'client' | 'server' | 'other'>;
  before(async () => {
    wire = await openFaultWire({ client: {}, server: {}, other: {} });
  });
  afterEach(recoverAll);
  after(() => wire.close());

  const put = (fault: FaultSpec) => strike(bothWays(fault), wire.cells.client, wire.world);
  const bothWays = (fault: FaultSpec): FaultSpec => ({
    to: [{ container: 'server' }],
    direction: 'both',
    ...fault,
  });
  /** Both ways of both families, with their names. */
  const measure = async (options: { bytes?: number } = {}) => {
    const { client, server } = wire.cells;
    const flow = { count: COUNT, intervalMs: 1, timeoutMs: 300, ...options };
    const [v4, v6] = [
      await exchange(client, server, server.ip4, flow),
      await exchange(client, server, server.ip6, flow),
    ];
    return Object.entries({
      'egress, IPv4': v4.there,
      'ingress, IPv4': v4.back,
      'egress, IPv6': v6.there,
      'ingress, IPv6': v6.back,
    });
  };
  const another = (bytes = 64) =>
    stream(wire.cells.client, wire.cells.other, wire.cells.other.ip4, { count: 300, intervalMs: 1, bytes });

  test('network-duplicate doubles as many as it is told to', async (t) => {
    await put({ type: 'network-duplicate', percent: 20 });
    for (const [way, { sent, lost, duplicated, order }] of await measure()) {
      between(t, `${way}: doubled of ${sent}`, duplicated.length, ...bounds(sent, chance(0.2)));
      assert.deepEqual(
        [lost, order.length],
        [[], sent + duplicated.length],
        'each of them twice, and none lost',
      );
    }
    await untouched(t, 'another peer', () => another());
  });

  test('network-corrupt damages as many as it is told to, and nobody gets to see one', async (t) => {
    await put({ type: 'network-corrupt', percent: 20 });
    for (const [way, { sent, lost, corrupted, duplicated }] of await measure({ bytes: 1000 })) {
      // Of 1,042 bytes or more up to 14 are in fields that nobody checks.
      const [least, most] = [bounds(sent, chance(0.197))[0], bounds(sent, chance(0.2))[1]];
      between(t, `${way}: lost of ${sent}`, lost.length, least, most);
      about(t, `${way}: found damaged by the receiver`, corrupted, lost.length);
      assert.deepEqual(duplicated, []);
    }
    await untouched(t, 'another peer', () => another(1000));
  });

  test('network-reorder lets some go at once, at random or every nth', async (t) => {
    const fault = { type: 'network-reorder', percent: 25, delay: '200ms' };
    const effect = await put(fault);
    for (const [way, { sent, lost, delayMs, reordered }] of await measure()) {
      const early = delayMs.filter((delay) => delay !== null && delay < 100).length;
      between(t, `${way}: at once of ${sent}`, early, ...bounds(sent, chance(0.25)));
      assert.ok(reordered.length > sent / 2, `${reordered.length} were overtaken`);
      assert.deepEqual(lost, []);
    }
    await untouched(t, 'another peer', () => another());
    const { client, server } = wire.cells;
    await edit(effect, bothWays({ ...fault, percent: 100, gap: 5 }), client, wire.world);
    const { delayMs, order } = await stream(client, server, server.ip4, { count: 200, warmup: 0 });
    const early = [...delayMs.entries()].filter(([, delay]) => delay !== null && delay < 100);
    const numbers = early.map(([number]) => number);
    assert.deepEqual(
      numbers,
      Array.from({ length: 40 }, (_, index) => (numbers[0] ?? 0) + 5 * index),
    );
    assert.equal(order.length, 200);
  });
});
