import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { FaultSpec } from '../../src/core/types.ts';
import { hostKey, type World } from '../../src/faults/fault.ts';
import { type Lab, type LabContainer, openLab, until } from '../lab/lab.ts';
import { openStream, spread } from '../lab/measure.ts';
import { inNetns, observe, recoverAll, recoverFully, snapshot, strike, worldOf } from './net-support.ts';
import { assertRate, assertUntouched, flooding, type Path, passing } from './shape-support.ts';

const RATE = 4e6;
/** Where less may wait, TCP loses packets, and what an application reads comes in leaps: no measure of a second or two. */
const FAULT = { type: 'network-bandwidth', rate: '4mbit', limit: '256KiB' };
/** Nothing that a limited path is: 14 Gbit/s here. */
const FREE = 20 * RATE;

let lab: Lab;
let network: string;
/** web is the target; redis and mail are peers. */
let web: LabContainer;
let redis: LabContainer;
let mail: LabContainer;
let world: World;

before(async () => {
  lab = await openLab('bandwidth');
  network = await lab.network({ ipv6: true });
  [web, redis, mail] = (await Promise.all(
    ['web', 'redis', 'mail'].map((service) => lab.run({ network, project: 'shop', service })),
  )) as [LabContainer, LabContainer, LabContainer];
  world = await worldOf([web, redis, mail]);
});
afterEach(recoverAll);
after(() => lab?.close());

/** What is written `web>redis tcp6 5001`, or `web:5005>redis udp4` with a source port. */
async function path(text: string): Promise<Path> {
  const match = /^(\w+)(?::(\d+))?>(\w+) (tcp|udp)(4|6)(?: (\d+))?$/.exec(text);
  assert.ok(match, text);
  const [, sender, sourcePort, receiver, proto, family, port] = match;
  const [from, to] = [sender, receiver].map((name) => ({ web, redis, mail })[name as string]);
  assert.ok(from && to, text);
  return {
    from,
    to,
    address: family === '6' ? await to.ip6(network) : await to.ip4(network),
    proto: proto as 'tcp' | 'udp',
    ...(port && { port: Number(port) }),
    ...(sourcePort && { sourcePort: Number(sourcePort) }),
  };
}

interface Case {
  name: string;
  fault: () => Partial<FaultSpec> | Promise<Partial<FaultSpec>>;
  /** Paths that have the rate, each of its own. */
  limited: string[];
  /** Paths that a flood passes as if nothing were there, while one of the others is full. */
  untouched: string[];
}

const CASES: Case[] = [
  {
    name: 'out to a service, everything',
    fault: () => ({ to: [{ service: 'redis' }] }),
    limited: ['web>redis tcp4', 'web>redis udp6'],
    untouched: ['web>mail udp4', 'web>mail udp6', 'redis>web udp4'],
  },
  {
    name: 'in from a container',
    fault: () => ({ direction: 'ingress', from: [{ container: redis.name }] }),
    limited: ['redis>web udp4', 'redis>web tcp6'],
    untouched: ['mail>web udp4', 'web>redis udp6'],
  },
  {
    name: 'both directions, each at the rate',
    fault: () => ({ direction: 'both', to: [{ service: 'redis' }] }),
    limited: ['web>redis tcp6', 'redis>web tcp4'],
    untouched: ['web>mail udp6', 'mail>web udp4'],
  },
  {
    name: 'one port of a protocol',
    fault: () => ({ to: [{ service: 'redis' }], ports: [5001], protocol: 'udp' }),
    limited: ['web>redis udp4 5001', 'web>redis udp6 5001'],
    untouched: ['web>redis udp4 5002', 'web>mail udp4 5001'],
  },
  {
    name: 'a range of ports, tcp and udp',
    fault: () => ({ to: [{ service: 'redis' }], ports: ['4990-5001', 6000] }),
    limited: ['web>redis tcp4 4990', 'web>redis udp6 6000'],
    untouched: ['web>redis udp4 4989', 'web>redis udp6 5002'],
  },
  {
    name: 'source ports: the answers of a server',
    fault: () => ({ to: [{ service: 'redis' }], sourcePorts: [5005], protocol: 'udp' }),
    limited: ['web:5005>redis udp4'],
    untouched: ['web:5006>redis udp4', 'redis>web udp4 5007'],
  },
  {
    name: 'ports of what comes in',
    fault: () => ({ direction: 'ingress', to: [{ service: 'redis' }], ports: [5001] }),
    limited: ['redis>web tcp6 5001'],
    untouched: ['redis>web udp6 5002', 'mail>web udp4 5001'],
  },
  {
    name: 'a network (IPv4)',
    fault: async () => ({ to: [{ cidr: `${await redis.ip4(network)}/32` }] }),
    limited: ['web>redis udp4'],
    untouched: ['web>redis udp6', 'web>mail udp4'],
  },
  {
    name: 'a network (IPv6)',
    fault: async () => ({ to: [{ cidr: `${await redis.ip6(network)}/128` }] }),
    limited: ['web>redis tcp6'],
    untouched: ['web>redis udp4', 'web>mail udp6'],
  },
  {
    name: 'a host name of both families',
    fault: () => ({ to: [{ host: 'db.example' }] }),
    limited: ['web>redis udp4', 'web>redis udp6'],
    untouched: ['web>mail udp4'],
  },
  {
    name: 'anyone, both directions',
    fault: () => ({ direction: 'both', to: [{ any: true }], protocol: 'udp' }),
    limited: ['web>mail udp4', 'redis>web udp6'],
    untouched: ['redis>mail udp4'],
  },
];

describe('network-bandwidth limits what its filter says, and nothing else', () => {
  before(() => {
    world = { ...world, hosts: new Map() };
  });

  for (const { name, fault, limited, untouched } of CASES) {
    it(name, async () => {
      const hosts = new Map([
        [hostKey(web.id, 'db.example'), [await redis.ip4(network), await redis.ip6(network)]],
      ]);
      const was = await snapshot(web);
      const effect = await strike({ ...FAULT, ...(await fault()) }, web, { ...world, hosts });
      assert.equal(await observe(effect), 'present');
      for (const [index, full] of limited.entries()) {
        const beside = untouched.filter((_, place) => place % limited.length === index);
        const [flows] = await Promise.all([
          Promise.all(beside.map(async (text) => flooding(await path(text)))),
          assertRate(await path(full), RATE, full),
        ]);
        for (const [place, flow] of flows.entries()) assertUntouched(flow, beside[place] ?? '');
      }
      assert.equal(await recoverFully(effect), 'filters and devices removed');
      assert.equal(await snapshot(web), was);
    });
  }
});

describe('network-bandwidth', () => {
  const SHORT = { durationMs: 500, skipMs: 100 };

  it('takes TCP of another port, another peer, the other way for as fast as it was', async () => {
    const paths = ['web>redis tcp4 5002', 'web>mail tcp6 5001', 'redis>web tcp4 5001'];
    const effect = await strike(
      { ...FAULT, to: [{ service: 'redis' }], ports: [5001], protocol: 'tcp' },
      web,
      world,
    );
    for (const text of paths) {
      const bits = await passing(await path(text), RATE, SHORT);
      assert.ok(bits > FREE, `${text}: ${bits} bits a second`);
    }
    await assertRate(await path('web>redis tcp4 5001'), RATE, 'and the port itself');
    await recoverFully(effect);
    assert.ok((await passing(await path('web>redis tcp4 5001'), RATE, SHORT)) > FREE, 'free again');
  });

  it('shares the rate among all peers of a direction', async () => {
    const effect = await strike({ ...FAULT, to: [{ any: true }] }, web, world);
    const both = await Promise.all(
      ['web>redis udp4', 'web>mail udp6'].map(async (text) => passing(await path(text), RATE)),
    );
    const sum = both.reduce((total, bits) => total + bits, 0);
    assert.ok(Math.abs(sum / RATE - 1) <= 0.1, `${both.join(' + ')} bits a second`);
    await recoverFully(effect);
  });

  it('loses nothing of what stays below the rate, and holds it for no time', async () => {
    const effect = await strike(
      { ...FAULT, rate: '20mbit', direction: 'both', to: [{ any: true }] },
      web,
      world,
    );
    for (const text of ['web>redis udp4', 'redis>web udp6'])
      assertUntouched(await flooding(await path(text)), text);
    await recoverFully(effect);
  });

  it('keeps what does not fit for as long as its queue is, and loses the rest', async () => {
    const effect = await strike(
      { ...FAULT, to: [{ service: 'redis' }], burst: '4KiB', limit: '25KB' },
      web,
      world,
    );
    const { delayMs, lost } = await flooding(await path('web>redis udp4'));
    // 25,000 bytes at 500,000 a second, once it is full.
    const { median } = spread(delayMs);
    assert.ok(median > 45 && median < 55, `${median} ms`);
    assert.ok(lost.length > 50, `${lost.length} of 1,000 lost`);
    await recoverFully(effect);
  });

  it('lets a burst pass no faster than its ceiling', async () => {
    const fault = { ...FAULT, to: [{ service: 'redis' }], burst: '8MiB', limit: '8MiB', ceil: '40mbit' };
    const effect = await strike(fault, web, world);
    const bits = await passing(await path('web>redis udp4'), 20 * RATE, { durationMs: 600, skipMs: 100 });
    assert.ok(bits > 32e6 && bits < 44e6, `${bits} bits a second`);
    await recoverFully(effect);
  });

  it('leaves neighbour discovery alone: IPv6 finds a peer while the path is full', async () => {
    const effect = await strike(
      { ...FAULT, rate: '100kbit', direction: 'both', to: [{ any: true }], limit: '200KB' },
      web,
      world,
    );
    const full = await openStream(web, redis, await redis.ip4(network), { intervalMs: 1, bytes: 1200 });
    await until('packets to be lost', async () =>
      /dropped [1-9]/.test(await inNetns(web, 'tc', '-s', 'qdisc', 'show')),
    );
    await inNetns(web, 'ip', '-6', 'neigh', 'flush', 'dev', 'eth0');
    const { code } = await web.exec(['ping6', '-c', '1', '-W', '1', await mail.ip6(network)]);
    const known = await inNetns(web, 'ip', '-6', 'neigh', 'show', await mail.ip6(network));
    assert.match(known, /REACHABLE|DELAY|STALE/);
    assert.equal(code, 1, 'the echo itself waits');
    await full.stop();
    // Sixteen seconds of packets are in the queue: a second is waited for.
    await recoverFully(effect);
  });
});
