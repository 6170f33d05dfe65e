import assert from 'node:assert/strict';
import { after, afterEach, before, describe, type TestContext, test } from 'node:test';
import type { Effect, FaultSpec } from '../../src/core/types.ts';
import type { World } from '../../src/faults/fault.ts';
import { type OneWay, stream } from '../lab/measure.ts';
import type { Cell } from '../lab/wire.ts';
import { bounds, bursts, chance, type Model } from './odds.ts';
import {
  between,
  edit,
  type FaultWire,
  observe,
  openFaultWire,
  recoverAll,
  recoverFully,
  snapshot,
  strike,
  untouched,
} from './wire-support.ts';

const PORT = 5000;
const COUNT = 2000;

/** Each bound is left one time in 10^7. */
describe('network-loss by models, on a wire', () => {
  let wire: FaultWire<'client' | 'server'>;
  let world: World;
  let client: Cell;
  let server: Cell;
  before(async () => {
    wire = await openFaultWire({ client: {}, server: {} });
    world = wire.world;
    ({ client, server } = wire.cells);
    for (const address of [server.ip4, server.ip6]) assert.ok(await client.pings(address));
  });
  afterEach(recoverAll);
  after(() => wire.close());

  const loses = (how: Omit<FaultSpec, 'type'>): FaultSpec => ({
    type: 'network-loss',
    to: [{ container: 'server' }],
    ports: [PORT],
    protocol: 'udp',
    ...how,
  });
  const put = (fault: FaultSpec, effect?: Effect) =>
    effect ? edit(effect, fault, client, world) : strike(fault, client, world);
  const flood = (address = server.ip4, options = {}) =>
    stream(client, server, address, {
      ...{ port: PORT, count: COUNT, intervalMs: 0.5, warmup: 0, timeoutMs: 300 },
      ...options,
    });
  const losesAs = (t: TestContext, what: string, { lost }: OneWay, model: Model) =>
    between(t, `${what}: lost of ${COUNT}`, lost.length, ...bounds(COUNT, model));
  /** `ends`: the chance that a packet that is lost is the last of its burst. */
  const inBursts = (t: TestContext, what: string, { lost }: OneWay, ends: number) => {
    t.diagnostic(`${what}: ${(lost.length / runs(lost)).toFixed(2)} packets a burst`);
    between(t, `${what}: bursts in ${lost.length} losses`, runs(lost), ...bounds(lost.length, chance(ends)));
  };

  test('gemodel loses in bursts, in both ways and families, and nothing else', async (t) => {
    const effect = await put(loses({ gemodel: { p: 10, r: 40 } }));
    const seen = await flood();
    losesAs(t, 'gemodel', seen, bursts(0.1, 0.4));
    inBursts(t, 'gemodel', seen, 0.4);
    assert.deepEqual(seen.refused, [], 'the sender is not told');
    await untouched(t, 'another port', () => flood(server.ip4, { port: PORT + 1, count: 300 }));
    await untouched(t, 'the other way', () => stream(server, client, client.ip4, { port: PORT }));

    const gentle = { gemodel: { p: 10, r: 40, lossInBad: 50, lossInGood: 5 } };
    await put(loses({ ...gentle, direction: 'ingress' }), effect);
    const options = { port: PORT, count: COUNT, intervalMs: 0.5, timeoutMs: 300 };
    const back = await stream(server, client, client.ip6, options);
    losesAs(t, 'gemodel, less in each state, ingress by IPv6', back, {
      ...bursts(0.1, 0.4),
      hits: [0.05, 0.5],
    });
  });

  test('state loses by four states', async (t) => {
    const state = { p13: 8, p31: 30, p32: 10, p23: 50, p14: 4 };
    await put(loses({ state }));
    const seen = await flood(server.ip6);
    // Received, lost within a burst, received within a burst, lost alone.
    losesAs(t, 'state', seen, {
      hits: [0, 1, 0, 1],
      moves: [
        [0.88, 0.08, 0, 0.04],
        [0.3, 0.6, 0.1, 0],
        [0, 0.5, 0.5, 0],
        [1, 0, 0, 0],
      ],
    });
    between(t, 'state: packets a burst', seen.lost.length / runs(seen.lost), 1.4, 2.9);
  });

  test('correlation brings bursts, and leaves the share as it is', async (t) => {
    const effect = await put(loses({ percent: 20, correlation: 0 }));
    const plain = await flood();
    losesAs(t, 'no correlation', plain, chance(0.2));
    inBursts(t, 'no correlation', plain, 0.8);
    await put(loses({ percent: 20, correlation: 75 }), effect);
    const { lost, sent } = await flood(server.ip4, { count: 2 * COUNT });
    // By simulation 800 are lost, give or take 54, in bursts of 2.4: six of these deviations, and as many of the bursts' own.
    between(t, `correlation of 75 %: lost of ${sent}`, lost.length, 800 - 6 * 54, 800 + 6 * 54);
    between(t, 'correlation of 75 %: packets a burst', lost.length / runs(lost), 1.5, 5);
  });

  test('an edit from percent to gemodel and back leaves nothing of the former', async (t) => {
    const before = await snapshot(client);
    let effect = await put(loses({ percent: 60 }));
    const percent = await flood();
    losesAs(t, 'percent', percent, chance(0.6));
    inBursts(t, 'percent', percent, 0.4);
    assert.deepEqual(percent.refused, percent.lost, 'by netfilter');
    effect = await put(loses({ gemodel: { p: 10, r: 40 } }), effect);
    assert.equal(await observe(effect), 'present');
    const gemodel = await flood();
    losesAs(t, 'gemodel', gemodel, bursts(0.1, 0.4));
    assert.deepEqual(gemodel.refused, [], 'not by netfilter');
    effect = await put(loses({ percent: 30 }), effect);
    assert.equal(await observe(effect), 'present');
    const again = await flood();
    losesAs(t, 'percent again', again, chance(0.3));
    assert.deepEqual(again.refused, again.lost, 'by netfilter only');
    await recoverFully(effect);
    assert.equal(await observe(effect), 'absent');
    await untouched(t, 'afterwards', () => flood(server.ip4, { count: 300 }));
    assert.equal(await snapshot(client), before);
  });
});

/** How many runs of numbers that follow each other. */
function runs(numbers: readonly number[]): number {
  return numbers.filter((number, index) => number !== (numbers[index - 1] ?? -1) + 1 || index === 0).length;
}
