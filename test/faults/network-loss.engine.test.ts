import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { deadlineIn, systemClock } from '../../src/core/clock.ts';
import type { World } from '../../src/faults/fault.ts';
import { type Lab, type LabContainer, openLab } from '../lab/lab.ts';
import { echoServer, flood, pinger } from '../lab/traffic.ts';
import { inject, observe, recover, recoverAll, snapshot, strike, worldOf } from './net-support.ts';

const PORT = 5000;
const OTHER = 5002;

let lab: Lab;
let web: LabContainer;
let redis: LabContainer;
let mail: LabContainer;
let world: World;

before(async () => {
  lab = await openLab('loss');
  const network = await lab.network({ ipv6: true });
  [web, redis, mail] = (await Promise.all(
    ['web', 'redis', 'mail'].map((service) => lab.run({ network, project: 'shop', service })),
  )) as [LabContainer, LabContainer, LabContainer];
  world = await worldOf([web, redis, mail]);
  await Promise.all(
    [web, redis, mail].flatMap((container) =>
      ([4, 6] as const).flatMap((family) =>
        [PORT, OTHER].map((port) => echoServer(container, { port, family })),
      ),
    ),
  );
});
afterEach(recoverAll);
after(() => lab?.close());

const toRedis = { type: 'network-loss', to: [{ service: 'redis' }], ports: [PORT], protocol: 'udp' };

/** Every number from `first` on, `step` apart, below `count`. */
function every(step: number, first: number, count: number): number[] {
  return Array.from({ length: count }, (_, seq) => seq).filter((seq) => seq % step === first);
}

describe('network-loss', () => {
  it('loses a percentage, within five standard deviations', async () => {
    await strike({ ...toRedis, percent: 25 }, web, world);
    const count = 2000;
    const sigma = Math.sqrt(count * 0.25 * 0.75);
    const [lossy, port, peer] = await Promise.all([
      flood(web, await redis.ip4(), { port: PORT, count }),
      flood(web, await redis.ip4(), { port: OTHER, count: 300 }),
      flood(web, await mail.ip4(), { port: PORT, count: 300 }),
    ]);
    assert.ok(
      Math.abs(lossy.lost.length - count * 0.25) < 5 * sigma,
      `lost ${lossy.lost.length} of ${count}`,
    );
    assert.deepEqual([port.lost, peer.lost], [[], []], 'outside of the filter nothing is lost');
  });

  it('loses everything at 100 percent', async () => {
    await strike({ ...toRedis, percent: 100 }, web, world);
    const { received } = await flood(web, await redis.ip4(), { port: PORT, count: 200, timeoutMs: 300 });
    assert.equal(received, 0);
  });

  it('loses exactly one of every so many, in IPv4 and IPv6', async () => {
    await strike({ ...toRedis, every: 4, packet: 1 }, web, world);
    for (const to of [await redis.ip4(), await redis.ip6()]) {
      const { lost } = await flood(web, to, { port: PORT, count: 200 });
      assert.deepEqual(lost, every(4, 1, 200), to);
    }
  });

  it('counts what comes in apart', async () => {
    await strike({ ...toRedis, direction: 'ingress', every: 5 }, web, world);
    const [into, out] = await Promise.all([
      flood(redis, await web.ip4(), { port: PORT, count: 100 }),
      flood(web, await redis.ip4(), { port: OTHER, count: 100 }),
    ]);
    assert.deepEqual([into.lost, out.lost], [every(5, 0, 100), []]);
  });

  it('goes on with its count when peers and deadline are edited', async () => {
    const effect = await strike({ ...toRedis, every: 3 }, web, world);
    const running = flood(web, await redis.ip4(), { port: PORT, count: 600, intervalMs: 2 });
    const ping = await pinger(web, await mail.ip4(), { port: PORT });
    await ping.waitForReply();
    const resolved = { v4: [await redis.ip4(), '192.0.2.1'], v6: [], any: false, missing: [] };
    for (const seconds of [130, 140, 150]) {
      await inject({ ...effect, resolved, deadline: deadlineIn(systemClock, seconds * 1000) });
    }
    const { lost } = await running;
    assert.deepEqual(lost, every(3, 0, 600));
    await ping.close();
  });

  it('leaves nothing behind', async () => {
    const was = await snapshot(web);
    const effect = await strike({ ...toRedis, percent: 0.5 }, web, world);
    assert.equal(await observe(effect), 'present');
    await recover(effect);
    assert.equal(await observe(effect), 'absent');
    assert.equal(await snapshot(web), was);
  });
});
