import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { deadlineIn, systemClock } from '../../../src/core/clock.ts';
import type { Effect } from '../../../src/core/types.ts';
import type { World } from '../../../src/faults/fault.ts';
import { readDevices } from '../../../src/faults/shape/sweep.ts';
import { type Lab, type LabContainer, openLab, until } from '../../lab/lab.ts';
import { openStream } from '../../lab/measure.ts';
import { echoServer, pinger } from '../../lab/traffic.ts';
import {
  again,
  context,
  edit,
  inject,
  inNetns,
  observe,
  observed,
  recoverAll,
  recoverFully,
  snapshot,
  strike,
  worldOf,
} from '../net-support.ts';
import { assertRate, assertShare, assertUntouched, devicesIn, type Path, share } from '../shape-support.ts';

const FAULT = { type: 'network-bandwidth', to: [{ service: 'redis' }], rate: '8mbit' };

let lab: Lab;
let red: string;
let web: LabContainer;
let redis: LabContainer;
let mail: LabContainer;
let world: World;

before(async () => {
  lab = await openLab('shape');
  red = await lab.network({ ipv6: true });
  [web, redis, mail] = (await Promise.all(
    ['web', 'redis', 'mail'].map((service) => lab.run({ network: red, project: 'shop', service })),
  )) as [LabContainer, LabContainer, LabContainer];
  world = await worldOf([web, redis, mail]);
});
afterEach(recoverAll);
after(() => lab?.close());

async function toRedis(port?: number): Promise<Path> {
  return { from: web, to: redis, address: await redis.ip4(red), proto: 'udp', ...(port && { port }) };
}

async function toMail(): Promise<Path> {
  return { from: web, to: mail, address: await mail.ip4(red), proto: 'udp' };
}

/** The kernel's number of a device: another one made under its name has another. */
async function indexOf(device: string): Promise<string> {
  return (await inNetns(web, 'ip', '-o', 'link', 'show', 'dev', device)).split(':')[0] ?? '';
}

describe('several on one container', () => {
  const PORTS = [5001, 5002, 5003] as const;
  const RATES = [8e6, 4e6, 6e6] as const;

  async function strikeThree(): Promise<Effect[]> {
    const effects: Effect[] = [];
    for (const [index, port] of PORTS.entries()) {
      const fault = { ...FAULT, rate: `${RATES[index]}bit`, ports: [port], protocol: 'udp' };
      effects.push(await strike({ ...fault, direction: index === 1 ? 'both' : 'egress' }, web, world));
    }
    return effects;
  }

  for (const order of [
    [0, 1, 2],
    [2, 0, 1],
    [1, 2, 0],
  ]) {
    it(`each has its own rate, and goes by itself: ${order.join(', ')}`, async () => {
      const was = await snapshot(web);
      const effects = await strikeThree();
      const left = new Set([0, 1, 2]);
      for (const gone of order) {
        const standing = [...left].map((index) => effects[index] as Effect);
        assert.deepEqual(new Set(await Promise.all(standing.map(observe))), new Set(['present']));
        const paths = await Promise.all(PORTS.map(toRedis));
        const shares = await Promise.all(paths.map((path, index) => share(path, RATES[index])));
        for (const [index, actual] of shares.entries())
          assertShare(actual, left.has(index), `port ${PORTS[index]} with ${[...left]}`);
        assert.equal(await recoverFully(effects[gone] as Effect), 'filters and devices removed');
        left.delete(gone);
        assert.equal(
          (await devicesIn(web)).length,
          [...left].reduce((n, i) => n + (i === 1 ? 2 : 1), 0),
        );
        assert.equal(
          (await inNetns(web, 'tc', 'qdisc', 'show', 'dev', 'eth0')).includes('clsact'),
          left.size > 0,
        );
      }
      assert.equal(await snapshot(web), was);
    });
  }

  it('come and go at once', async () => {
    const was = await snapshot(web);
    for (let round = 0; round < 3; round++) {
      const effects = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          strike({ ...FAULT, ports: [6000 + index], direction: 'both' }, web, world),
        ),
      );
      assert.deepEqual(new Set(await Promise.all(effects.map(observe))), new Set(['present']));
      assert.equal((await devicesIn(web)).length, 16);
      await Promise.all(effects.map(recoverFully));
      assert.equal(await snapshot(web), was);
    }
  });

  it('nothing is lost beside them, nor in the one that stays, while others come, change and go', async () => {
    const stays = await strike({ ...FAULT, rate: '30mbit', ports: [5001] }, web, world);
    const flows = await Promise.all(
      [await toMail(), await toRedis(5001)].map(({ from, to, address, port }) =>
        openStream(from, to, address, { intervalMs: 1, bytes: 1000, ...(port && { port }) }),
      ),
    );
    for (let round = 0; round < 5; round++) {
      const other = await strike({ ...FAULT, ports: [5002], direction: 'both' }, web, world);
      const changed = await edit(other, { ...FAULT, rate: '2mbit', ports: [5003] }, web, world);
      await recoverFully(changed);
    }
    const [beside, inside] = await Promise.all(flows.map((flow) => flow.stop()));
    assert.ok(beside && inside && beside.sent > 300, `${beside?.sent} sent`);
    assertUntouched(beside, 'beside');
    assertUntouched(inside, 'inside');
    assert.equal(await observe(stays), 'present');
  });
});

describe('a change in place', () => {
  it('of the rate: the device stays, nothing is lost beside it', async () => {
    const effect = await strike(FAULT, web, world);
    const [device = ''] = await devicesIn(web);
    const index = await indexOf(device);
    const flow = await openStream(web, mail, await mail.ip4(red), { intervalMs: 1 });
    const faster = await edit(effect, { ...FAULT, rate: '16mbit' }, web, world);
    await assertRate(await toRedis(), 16e6, 'faster');
    const bounded = await edit(faster, { ...FAULT, rate: '4mbit', ceil: '20mbit' }, web, world);
    await assertRate(await toRedis(), 4e6, 'with a ceiling');
    const slower = await edit(bounded, { ...FAULT, rate: '6mbit' }, web, world);
    await assertRate(await toRedis(), 6e6, 'without');
    assertUntouched(await flow.stop(), 'beside');
    assert.equal(await indexOf(device), index, 'the same device');
    await recoverFully(slower);
  });

  it('of direction, ports and peers', async () => {
    const was = await snapshot(web);
    const effect = await strike(FAULT, web, world);
    const turned = await edit(
      effect,
      { ...FAULT, direction: 'ingress', ports: [5004], to: [{ any: true }] },
      web,
      world,
    );
    assert.equal(await observe(turned), 'present');
    assert.equal(await observe({ ...effect, undo: turned.undo }), 'drifted', 'as before the edit');
    assertShare(await share(await toRedis()), false, 'the way out');
    const back = { from: mail, to: web, address: await web.ip6(red), proto: 'udp' as const };
    assertShare(await share({ ...back, port: 5004 }), true, 'the way in');
    assertShare(await share({ ...back, port: 5005 }), false, 'another port');
    await recoverFully(turned);
    assert.equal(await snapshot(web), was);
  });

  it('of the deadline: the kernel keeps the new one', async () => {
    const effect = await strike(FAULT, web, world);
    const sooner = { ...effect, deadline: deadlineIn(systemClock, 300) };
    assert.equal(await observe(sooner), 'drifted');
    await inject(sooner);
    assert.equal(await observe(sooner), 'present');
    const [first] = await readDevices(context.netns, await observed(web));
    assert.equal(first?.mark?.deadline, sooner.deadline.wall);
    await inject({ ...effect, deadline: deadlineIn(systemClock, 60_000) });
    assertShare(await share(await toRedis()), true, 'after the first deadline');
  });

  it('to nobody where every peer died, and never to everybody', async () => {
    const effect = await strike(FAULT, web, world);
    const nobody = { v4: [], v6: [], any: false, missing: ['service redis'], networks: [red] };
    const lost = await again({ ...effect, resolved: nobody, injectedAt: 1 }, web);
    await inject(lost);
    assert.equal(await observe(lost), 'present');
    for (const path of [await toRedis(), await toMail()]) assertShare(await share(path), false, path.to.name);
    await inject(effect);
    assertShare(await share(await toRedis()), true, 'the peer is back');
  });

  it('to the same thing twice', async () => {
    const effect = await strike({ ...FAULT, direction: 'both', to: [{ any: true }] }, web, world);
    const once = await snapshot(web);
    await inject(effect);
    await inject(await again(effect, web));
    assert.equal(await snapshot(web), once);
    assert.equal(await observe(effect), 'present');
  });
});

describe('the deadline', () => {
  for (const direction of ['egress', 'ingress']) {
    it(`ends it in the kernel, with nobody there: ${direction}`, async (t) => {
      await echoServer(redis, { port: direction === 'egress' ? 5010 : 5011 });
      const options = { port: direction === 'egress' ? 5010 : 5011 };
      const ping = await pinger(web, await redis.ip4(red), options);
      await ping.waitForReply();
      const deadline = deadlineIn(systemClock, 2500);
      // Two seconds of packets fit into its queue: all answers come too late to count.
      const effect = await strike({ ...FAULT, rate: '64kbit', direction }, web, world, { deadline });
      await until('the queue to be full', () => {
        const last = ping.samples().slice(-100);
        return last.length === 100 && last.every(({ rttMs }) => rttMs === null);
      });
      const back = await ping.waitForReply();
      t.diagnostic(`back ${(back - deadline.wall).toFixed(1)} ms after the deadline`);
      assert.ok(back >= deadline.wall - 50, `${deadline.wall - back} ms early`);
      assert.ok(back <= deadline.wall + 200, `${back - deadline.wall} ms late`);
      await ping.close();
      assert.equal(await observe(effect), 'present', 'what stands is what was written');
      await recoverFully(effect);
    });
  }
});
