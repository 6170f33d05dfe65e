import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { deadlineIn, systemClock } from '../../src/core/clock.ts';
import type { FaultSpec } from '../../src/core/types.ts';
import { hostKey, type World } from '../../src/faults/fault.ts';
import { networkBlock } from '../../src/faults/network-block.ts';
import { resolveInTarget } from '../../src/runtime/resolver.ts';
import { type Lab, type LabContainer, openLab, until } from '../lab/lab.ts';
import { connects, echoServer, flood, icmp, pinger } from '../lab/traffic.ts';
import {
  context,
  inNetns,
  intend,
  observe,
  observed,
  recover,
  recoverAll,
  snapshot,
  strike,
  worldOf,
} from './net-support.ts';

const UDP = 5000;
const TCP = 5001;
/** A second pair of ports, outside of the filters. */
const UDP2 = 5002;
const TCP2 = 5003;

let lab: Lab;
let net: string;
/** web is the target; redis and mail are peers. */
let web: LabContainer;
let redis: LabContainer;
let mail: LabContainer;
let world: World;

before(async () => {
  lab = await openLab('block');
  net = await lab.network({ ipv6: true });
  [web, redis, mail] = (await Promise.all(
    ['web', 'redis', 'mail'].map((service) =>
      lab.run({ name: service, network: net, project: 'shop', service }),
    ),
  )) as [LabContainer, LabContainer, LabContainer];
  world = await worldOf([web, redis, mail]);
  await Promise.all(
    [web, redis, mail].flatMap((container) =>
      ([4, 6] as const).flatMap((family) => [
        echoServer(container, { port: UDP, proto: 'udp', family }),
        echoServer(container, { port: TCP, proto: 'tcp', family }),
        ...(container === mail
          ? []
          : [
              echoServer(container, { port: UDP2, proto: 'udp', family }),
              echoServer(container, { port: TCP2, proto: 'tcp', family }),
            ]),
      ]),
    ),
  );
});
afterEach(recoverAll);
after(() => lab?.close());

type Outcome = 'open' | 'refused' | 'timeout';

/** What one probe, such as `web>redis tcp4 5001`, comes to. UDP and ICMP only tell open from cut (`timeout`). */
async function probe(text: string): Promise<Outcome> {
  const [path = '', proto = '', port = ''] = text.split(' ');
  const [from, to] = path.split('>').map((name) => ({ web, redis, mail })[name]);
  assert.ok(from && to, text);
  const address = proto.endsWith('6') ? await to.ip6(net) : await to.ip4(net);
  if (proto.startsWith('tcp')) return connects(from, address, Number(port), { timeoutMs: 600 });
  if (proto.startsWith('icmp')) return (await icmp(from, address)) ? 'open' : 'timeout';
  const { received } = await flood(from, address, { port: Number(port), count: 3, timeoutMs: 400 });
  return received > 0 ? 'open' : 'timeout';
}

interface Case {
  name: string;
  fault: () => Partial<FaultSpec> | Promise<Partial<FaultSpec>>;
  /** Outcome by probe while the fault holds. Before and after, every one is open. */
  expect: Record<string, Outcome>;
}

const BOTH_TO_REDIS = {
  'web>redis udp4 5000': 'timeout',
  'web>redis udp6 5000': 'timeout',
  'web>redis tcp4 5001': 'timeout',
  'web>redis tcp6 5001': 'timeout',
  'web>redis icmp4': 'timeout',
  'web>redis icmp6': 'timeout',
  'web>mail udp4 5000': 'open',
  'web>mail tcp6 5001': 'open',
} as const;

const CASES: Case[] = [
  { name: 'a service, everything', fault: () => ({ to: [{ service: 'redis' }] }), expect: BOTH_TO_REDIS },
  { name: 'a container by name', fault: () => ({ to: [{ container: redis.name }] }), expect: BOTH_TO_REDIS },
  {
    name: 'one port of a service',
    fault: () => ({ to: [{ service: 'redis' }], ports: [TCP], protocol: 'tcp' }),
    expect: {
      'web>redis tcp4 5001': 'timeout',
      'web>redis tcp6 5001': 'timeout',
      'web>redis tcp4 5003': 'open',
      'web>redis udp4 5000': 'open',
      'web>redis icmp6': 'open',
      // Answers to redis carry another destination port: connections that redis opens go on.
      'redis>web tcp4 5001': 'open',
      'web>mail tcp4 5001': 'open',
    },
  },
  {
    name: 'a range of ports, tcp and udp',
    fault: () => ({ to: [{ service: 'redis' }], ports: ['4990-5001'] }),
    expect: {
      'web>redis tcp4 5001': 'timeout',
      'web>redis udp6 5000': 'timeout',
      'web>redis udp4 5002': 'open',
      'web>redis tcp6 5003': 'open',
      'web>redis icmp4': 'open',
    },
  },
  {
    name: 'source ports: the answers of a server',
    fault: () => ({ to: [{ service: 'redis' }], sourcePorts: [UDP], protocol: 'udp' }),
    expect: {
      'redis>web udp4 5000': 'timeout',
      'redis>web udp6 5000': 'timeout',
      'redis>web udp4 5002': 'open',
      'web>redis udp4 5000': 'open',
    },
  },
  {
    name: 'a network (IPv4), udp',
    fault: async () => ({ to: [{ cidr: `${await redis.ip4(net)}/32` }], protocol: 'udp' }),
    expect: {
      'web>redis udp4 5000': 'timeout',
      'web>redis udp6 5000': 'open',
      'web>redis tcp4 5001': 'open',
      'web>mail udp4 5000': 'open',
    },
  },
  {
    name: 'a network (IPv6)',
    fault: async () => ({ to: [{ cidr: `${await redis.ip6(net)}/128` }] }),
    expect: { 'web>redis udp6 5000': 'timeout', 'web>redis udp4 5000': 'open', 'web>mail udp6 5000': 'open' },
  },
  {
    name: 'a host name of both families',
    fault: () => ({ to: [{ host: 'db.example' }], protocol: 'tcp' }),
    expect: {
      'web>redis tcp4 5001': 'timeout',
      'web>redis tcp6 5001': 'timeout',
      'web>redis udp4 5000': 'open',
      'web>mail tcp4 5001': 'open',
    },
  },
  {
    name: 'icmp alone: TCP over IPv6 still finds its neighbour',
    fault: () => ({ to: [{ any: true }], protocol: 'icmp' }),
    expect: {
      'web>redis icmp4': 'timeout',
      'web>redis icmp6': 'timeout',
      'web>redis tcp6 5001': 'open',
      'web>redis udp4 5000': 'open',
    },
  },
  {
    name: 'anyone, rejected',
    fault: () => ({ to: [{ any: true }], action: 'reject' }),
    expect: {
      'web>redis tcp4 5001': 'refused',
      'web>redis tcp6 5001': 'refused',
      'web>mail tcp4 5001': 'refused',
      'web>mail udp4 5000': 'timeout',
      'web>mail icmp6': 'timeout',
    },
  },
  {
    name: 'ingress from a service',
    fault: () => ({ direction: 'ingress', from: [{ service: 'redis' }], ports: [UDP, TCP] }),
    expect: {
      'redis>web tcp4 5001': 'timeout',
      'redis>web tcp6 5001': 'timeout',
      'redis>web udp4 5000': 'timeout',
      'redis>web tcp4 5003': 'open',
      'redis>web icmp4': 'open',
      'web>redis tcp4 5001': 'open',
      'mail>web tcp4 5001': 'open',
    },
  },
  {
    name: 'ingress rejected',
    fault: () => ({
      direction: 'ingress',
      to: [{ any: true }],
      protocol: 'tcp',
      action: 'reject',
      ports: [TCP],
    }),
    expect: {
      'redis>web tcp4 5001': 'refused',
      'mail>web tcp6 5001': 'refused',
      'redis>web tcp4 5003': 'open',
      'redis>web udp4 5000': 'open',
    },
  },
  {
    name: 'both directions',
    fault: () => ({ direction: 'both', to: [{ service: 'redis' }] }),
    expect: {
      ...BOTH_TO_REDIS,
      'redis>web tcp4 5001': 'timeout',
      'redis>web udp6 5000': 'timeout',
      'mail>web tcp4 5001': 'open',
    },
  },
  {
    name: 'both directions, rejected: either side is told',
    fault: () => ({ direction: 'both', to: [{ service: 'redis' }], action: 'reject' }),
    expect: {
      'web>redis tcp4 5001': 'refused',
      'redis>web tcp4 5001': 'refused',
      'redis>web tcp6 5001': 'refused',
      'web>redis udp4 5000': 'timeout',
      'redis>web udp6 5000': 'timeout',
      'web>mail tcp4 5001': 'open',
    },
  },
];

async function outcomes(probes: string[]): Promise<Record<string, Outcome>> {
  const results: [string, Outcome][] = [];
  // A few at a time: each is a process.
  for (let i = 0; i < probes.length; i += 4) {
    const some = probes.slice(i, i + 4);
    results.push(
      ...(await Promise.all(some.map(async (text): Promise<[string, Outcome]> => [text, await probe(text)]))),
    );
  }
  return Object.fromEntries(results);
}

describe('network-block cuts what its filter says, and nothing else', () => {
  before(async () => {
    const hosts = new Map([[hostKey(web.id, 'db.example'), [await redis.ip4(net), await redis.ip6(net)]]]);
    world = { ...world, hosts };
    const probes = [...new Set(CASES.flatMap(({ expect }) => Object.keys(expect)))];
    const open = Object.fromEntries(probes.map((text) => [text, 'open']));
    assert.deepEqual(await outcomes(probes), open, 'before any fault');
  });

  for (const { name, fault, expect } of CASES) {
    it(name, async () => {
      const was = await snapshot(web);
      const effect = await strike({ type: 'network-block', ...(await fault()) }, web, world);
      assert.equal(await observe(effect), 'present');
      assert.deepEqual(await outcomes(Object.keys(expect)), expect);
      assert.deepEqual(await recover(effect), { done: true, how: 'rules removed' });
      assert.equal(await snapshot(web), was);
    });
  }

  it('in the older back end too: every filter reads back as written', async () => {
    const old = await lab.run({ network: net, project: 'shop', service: 'old' });
    // Docker's DNS rules are IPv4's: that family stays with nft.
    await inNetns(old, 'ip6tables-legacy', '-A', 'INPUT', '-j', 'ACCEPT');
    const was = await snapshot(old);
    for (const { name, fault } of CASES) {
      const effect = await strike({ type: 'network-block', ...(await fault()) }, old, {
        ...(await worldOf([old, redis, mail])),
        hosts: new Map([[hostKey(old.id, 'db.example'), [await redis.ip6(net)]]]),
      });
      assert.notEqual((effect.undo as { v6?: string }).v6, 'nft', name);
      assert.equal(await observe(effect), 'present', name);
      await recover(effect);
      assert.equal(await snapshot(old), was, name);
    }
    await old.remove();
  });

  it('and all is open again in the end', async () => {
    const probes = ['web>redis tcp4 5001', 'web>redis udp6 5000', 'redis>web tcp6 5001', 'web>redis icmp4'];
    assert.deepEqual(await outcomes(probes), Object.fromEntries(probes.map((text) => [text, 'open'])));
  });
});

describe('network-block on a target', () => {
  const blockRedis = { type: 'network-block', to: [{ service: 'redis' }] };

  it('cuts a TCP connection that is established and accepted by earlier rules', async () => {
    const accept = ['OUTPUT', '-m', 'conntrack', '--ctstate', 'ESTABLISHED', '-j', 'ACCEPT'];
    await inNetns(web, 'iptables-nft', '-A', ...accept);
    const server = await echoServer(redis, { port: 5010, proto: 'tcp' });
    const options = { port: 5010, proto: 'tcp', count: 400, intervalMs: 5, timeoutMs: 300 } as const;
    const running = flood(web, await redis.ip4(net), options);
    await until('the connection', async () => (await server.received()) > 0);
    // Once a packet sent after that is back, so is the first of the connection.
    const ping = await pinger(web, await redis.ip4(net), { port: UDP });
    await ping.waitForReply();
    await ping.close();
    const effect = await strike(blockRedis, web, world);
    const { received, lost } = await running;
    assert.ok(received > 0 && lost.length > 0, `${received} answered, ${lost.length} lost`);
    assert.equal(lost.at(-1), 399, 'nothing passed after the cut');
    await recover(effect);
    await inNetns(web, 'iptables-nft', '-D', ...accept);
  });

  it("leaves loopback and Docker's DNS alone, whoever is named", async () => {
    const effect = await strike(
      { type: 'network-block', direction: 'both', to: [{ any: true }] },
      web,
      world,
    );
    assert.equal(await connects(web, '127.0.0.1', TCP), 'open');
    assert.equal(await connects(web, await web.ip4(net), TCP), 'open', 'its own address is loopback too');
    const container = await observed(web);
    const found = await context.netns.enter(container, (ns) => resolveInTarget(ns, container, 'redis'));
    assert.deepEqual(found.sort(), [await redis.ip4(net), await redis.ip6(net)].sort());
    assert.equal(await probe('web>redis tcp4 5001'), 'timeout');
    await recover(effect);
  });

  it('holds while the target is paused, and is recovered while it is', async () => {
    const was = await snapshot(web);
    await docker(web, 'pause');
    try {
      const effect = await strike(blockRedis, web, world);
      assert.notEqual(await snapshot(web), was);
      assert.equal((await recover(effect)).done, true);
      assert.equal(await snapshot(web), was);
    } finally {
      await docker(web, 'unpause');
    }
  });

  it('hits, in a shared namespace, whoever shares it', async () => {
    const beside = await lab.run({ networkMode: `container:${web.id}`, project: 'shop', service: 'beside' });
    const was = await snapshot(web);
    const effect = await strike(blockRedis, beside, await worldOf([web, redis, mail, beside]));
    assert.equal(await probe('web>redis tcp4 5001'), 'timeout');
    await recover(effect);
    assert.equal(await snapshot(web), was);
    await beside.remove();
  });

  it('is ended by the kernel, with nobody there, within the second after its deadline', async () => {
    const ping = await pinger(web, await redis.ip4(net), { port: UDP, intervalMs: 5 });
    await ping.waitForReply();
    const deadline = deadlineIn(systemClock, 2500);
    const effect = await strike(blockRedis, web, world, { deadline });
    await ping.waitForLoss();
    const back = await ping.waitForReply();
    assert.ok(back >= deadline.wall - 50, `${deadline.wall - back} ms early`);
    assert.ok(back <= deadline.wall + 1100, `${back - deadline.wall} ms late`);
    await ping.close();
    assert.equal((await recover(effect)).done, true);
  });

  it('is refused on the network of the host, before and by the namespace itself', async () => {
    const host = await lab.run({ networkMode: 'host' });
    const there = await worldOf([host]);
    const everyone = { type: 'network-block', to: [{ any: true }] };
    await assert.rejects(intend(everyone, host, there), { code: 'SQ208' });
    const [container] = there.containers;
    assert.ok(container);
    const lie = { ...container, networkMode: 'bridge' };
    const effect = await intend(blockRedis, web, world, { undo: {} });
    await assert.rejects(networkBlock.prepare(context, effect, lie), { code: 'SQ302' });
    await host.remove();
  });
});

async function docker(container: LabContainer, verb: 'pause' | 'unpause'): Promise<void> {
  await lab.docker.getContainer(container.id)[verb]();
  await until(
    `${verb} of ${container.name}`,
    async () => (await container.inspect()).State.Paused === (verb === 'pause'),
  );
}
