import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { FaultSpec } from '../../src/core/types.ts';
import { openSite, type Site } from '../lab/daemon.ts';
import { type Lab, type LabContainer, openLab, until } from '../lab/lab.ts';
import { connects, echoServer, flood, icmp, pinger } from '../lab/traffic.ts';
import { inNetns, observe, recover, recoverAll, snapshot, strike, worldOf } from './net-support.ts';

const UDP = 5000;
const TCP = 5001;

let lab: Lab;
let net: string;
/** app1, app2: service app. redis1, redis2, redis3: service redis. */
let boxes: Map<string, LabContainer>;

before(async () => {
  lab = await openLab('partition');
  net = await lab.network({ ipv6: true });
  const names = ['app1', 'app2', 'redis1', 'redis2', 'redis3'];
  const all = await Promise.all(names.map((name) => serve(name, name.replace(/\d/, ''))));
  boxes = new Map(all.map((one, index) => [names[index] ?? '', one]));
});
afterEach(recoverAll);
after(() => lab?.close());

/** A container of the service that answers on UDP and TCP of both families. */
async function serve(name: string, service: string, project = 'shop'): Promise<LabContainer> {
  const container = await lab.run({ name, network: net, project, service });
  for (const family of [4, 6] as const) {
    await echoServer(container, { port: UDP, proto: 'udp', family });
    await echoServer(container, { port: TCP, proto: 'tcp', family });
  }
  return container;
}

function box(name: string): LabContainer {
  const found = boxes.get(name);
  assert.ok(found, `no box is called ${name}`);
  return found;
}

type Outcome = 'open' | 'cut' | `mixed: ${string}`;

/** UDP, TCP and ICMP over both families, one way: whether each passes. */
async function reach(from: LabContainer, to: LabContainer): Promise<Outcome> {
  const addresses = [await to.ip4(net), await to.ip6(net)];
  const tries = addresses.flatMap((address) => [
    flood(from, address, { port: UDP, count: 2, timeoutMs: 600 }).then(({ received }) => received > 0),
    connects(from, address, TCP, { timeoutMs: 600 }).then((outcome) => outcome === 'open'),
    icmp(from, address),
  ]);
  const passed = await Promise.all(tries);
  if (passed.every(Boolean)) return 'open';
  return passed.some(Boolean) ? `mixed: ${passed.join()}` : 'cut';
}

/** What each path, such as `app1>redis1`, comes to. */
async function outcomes(paths: readonly string[]): Promise<Record<string, Outcome>> {
  const results: [string, Outcome][] = [];
  // Two at a time: each is six processes.
  for (let i = 0; i < paths.length; i += 2) {
    const some = paths.slice(i, i + 2).map(async (path): Promise<[string, Outcome]> => {
      const [from = '', to = ''] = path.split('>');
      return [path, await reach(box(from), box(to))];
    });
    results.push(...(await Promise.all(some)));
  }
  return Object.fromEntries(results);
}

/** Puts the partition on each of the group, as a run that chose them does. */
async function split(group: readonly string[], to: FaultSpec['to']) {
  const members = group.map(box);
  const world = await worldOf([...boxes.values()], { group: new Set(members.map(({ id }) => id)) });
  return Promise.all(members.map((member) => strike({ type: 'network-partition', to }, member, world)));
}

interface Case {
  name: string;
  group: string[];
  to: () => FaultSpec['to'] | Promise<FaultSpec['to']>;
  open: string[];
  cut: string[];
}

const CASES: Case[] = [
  {
    name: 'two services from each other',
    group: ['app1', 'app2'],
    to: () => [{ service: 'redis' }],
    open: ['app1>app2', 'app2>app1', 'redis1>redis2'],
    cut: ['app1>redis1', 'redis1>app1', 'app2>redis3', 'redis3>app2'],
  },
  {
    name: 'a share of a service from the rest of it',
    group: ['redis1', 'redis3'],
    to: () => [{ service: 'redis' }],
    open: ['redis1>redis3', 'redis3>redis1', 'redis1>app1', 'app1>redis3', 'app1>redis2'],
    cut: ['redis1>redis2', 'redis2>redis1', 'redis3>redis2', 'redis2>redis3'],
  },
  {
    name: 'a group from everyone',
    group: ['redis1', 'app1'],
    to: () => [{ any: true }],
    open: ['redis1>app1', 'app1>redis1', 'redis2>app2'],
    cut: ['redis1>redis2', 'redis2>redis1', 'app1>app2', 'redis3>app1'],
  },
  {
    name: 'a group from a network that holds it too',
    group: ['redis1', 'app1'],
    to: async () => {
      const [v4, v6] = [await box('app2').ip4(net), await box('app2').ip6(net)];
      return [{ cidr: `${v4}/24` }, { cidr: `${v6}/64` }];
    },
    open: ['redis1>app1', 'app1>redis1'],
    cut: ['redis1>redis2', 'redis3>redis1', 'app1>app2', 'app2>app1'],
  },
];

describe('network-partition cuts', () => {
  const all = [...new Set(CASES.flatMap(({ open, cut }) => [...open, ...cut]))];
  before(async () => assert.deepEqual(await outcomes(all), expected(all, 'open'), 'before any fault'));

  for (const { name, group, to, open, cut } of CASES)
    it(name, async () => {
      const was = await Promise.all(group.map((member) => snapshot(box(member))));
      const effects = await split(group, await to());
      for (const effect of effects) assert.equal(await observe(effect), 'present');
      const found = await outcomes([...open, ...cut]);
      assert.deepEqual(found, { ...expected(open, 'open'), ...expected(cut, 'cut') });
      for (const effect of effects) await recover(effect);
      assert.deepEqual(await Promise.all(group.map((member) => snapshot(box(member)))), was);
    });

  it('each direction by itself: no packet arrives on either side', async () => {
    const [target, peer] = [box('app1'), box('redis1')];
    const servers = await Promise.all([target, peer].map((one) => echoServer(one, { port: 5010 })));
    const [effect] = await split(['app1'], [{ service: 'redis' }]);
    const options = { port: 5010, count: 20, timeoutMs: 300 };
    await flood(peer, await target.ip4(net), options);
    await flood(target, await peer.ip4(net), options);
    assert.deepEqual(await Promise.all(servers.map((server) => server.received())), [0, 0]);
    assert.ok(effect);
    await recover(effect);
    await flood(peer, await target.ip4(net), options);
    await flood(target, await peer.ip4(net), options);
    assert.deepEqual(await Promise.all(servers.map((server) => server.received())), [20, 20]);
  });

  it('also with the older back end, whose rules read back as written', async () => {
    const old = box('app2');
    // Docker's DNS rules are IPv4's: that family stays with nft.
    const accept = ['INPUT', '-j', 'ACCEPT'];
    await inNetns(old, 'ip6tables-legacy', '-A', ...accept);
    const was = await snapshot(old);
    const [effect] = await split(['app2', 'app1', 'redis1'], [{ any: true }]);
    assert.ok(effect);
    assert.equal((effect.undo as { v6?: string }).v6, 'legacy');
    assert.equal(await observe(effect), 'present');
    const paths = ['app2>redis1', 'redis1>app2', 'app2>redis2'];
    assert.deepEqual(await outcomes(paths), {
      'app2>redis1': 'open',
      'redis1>app2': 'open',
      'app2>redis2': 'cut',
    });
    await recover(effect);
    assert.equal(await snapshot(old), was);
    await inNetns(old, 'ip6tables-legacy', '-D', ...accept);
  });

  it('whoever shares the network of a target, on its side', async () => {
    const beside = await lab.run({
      networkMode: `container:${box('app1').id}`,
      project: 'shop',
      service: 'side',
    });
    const chosen = [beside, box('redis1')];
    const group = new Set(chosen.map(({ id }) => id));
    const world = await worldOf([...boxes.values(), beside], { group });
    const fault = { type: 'network-partition', to: [{ service: 'app' }, { service: 'redis' }] };
    for (const target of chosen) await strike(fault, target, world);
    const cut = ['app1>app2', 'redis2>app1', 'redis1>app2'];
    assert.deepEqual(await outcomes(['app1>redis1', 'redis1>app1', ...cut]), {
      ...expected(['app1>redis1', 'redis1>app1'], 'open'),
      ...expected(cut, 'cut'),
    });
    await recoverAll();
    await beside.remove();
  });

  it('and nothing any more in the end', async () => {
    assert.deepEqual(await outcomes(all), expected(all, 'open'));
  });
});

function expected(paths: readonly string[], outcome: Outcome): Record<string, Outcome> {
  return Object.fromEntries(paths.map((path) => [path, outcome]));
}

describe('one manifest', () => {
  let site: Site;
  /** A cluster of its own: members 0 to 3 of service store. */
  let members: LabContainer[];
  before(async () => {
    site = openSite('partition');
    await site.start();
    members = await Promise.all([0, 1, 2, 3].map((n) => serve(`store${n}`, 'store', lab.label)));
    boxes = new Map([...boxes, ...members.map((member, n): [string, LabContainer] => [`store${n}`, member])]);
  });
  after(() => site.close());

  const manifest = (mode: unknown, to: unknown, select: object = { services: ['store'] }) => ({
    apiVersion: 'squall/v1',
    kind: 'Experiment',
    metadata: { name: 'brain' },
    spec: {
      duration: '2m',
      targets: { select: { project: lab.label, ...select }, mode, seed: 7 },
      faults: [{ type: 'network-partition', to }],
    },
  });
  const stands = (generation: number) =>
    until(
      `generation ${generation} to stand`,
      () =>
        site.run('brain')?.generation === generation &&
        site.experiment('brain')?.phase === 'Running' &&
        site.effects('brain').every(({ phase }) => phase === 'injected' || phase === 'recovered'),
    );
  const names = (of: readonly LabContainer[]) => of.map(({ name }) => name.replace(/.*-/, ''));
  const between = (some: readonly LabContainer[], others: readonly LabContainer[]) =>
    names(some).flatMap((one) => names(others).flatMap((other) => [`${one}>${other}`, `${other}>${one}`]));
  const sides = () => {
    const ids = site.run('brain')?.targets.map(({ id }) => id) ?? [];
    return [
      members.filter(({ id }) => ids.includes(id)),
      members.filter(({ id }) => !ids.includes(id)),
    ] as const;
  };

  it('splits a cluster in halves, is edited and joined without a blip within a side, and mends it when deleted', async () => {
    site.write('brain.json', manifest({ percent: 50 }, [{ service: 'store' }]));
    await stands(1);
    const [one, two] = sides();
    assert.deepEqual([one.length, two.length], [2, 2]);
    const [first, second] = one as [LabContainer, LabContainer];
    const inside = [`${names([first])}>${names([second])}`, `${names([second])}>${names([first])}`];
    const split = await outcomes([...between(one, two), ...inside]);
    assert.deepEqual(split, { ...expected(between(one, two), 'cut'), ...expected(inside, 'open') });

    // From here on nothing between the two may be lost, whatever is edited around them.
    const ping = await pinger(first, await second.ip4(net), { port: UDP, intervalMs: 5 });
    await ping.waitForReply();
    const both = { names: [first.name, second.name, '/late$/'] };
    site.write('brain.json', manifest('all', [{ any: true }], both));
    await stands(2);
    const outside = [`${names([first])}>app1`, `app1>${names([second])}`, ...between(one, two)];
    assert.deepEqual(await outcomes(outside), expected(outside, 'cut'));

    const late = await serve('late', 'store', lab.label);
    boxes.set('late', late);
    await until('the late one to have joined', () => site.effects('brain').length === 3);
    await stands(2);
    const joined = between([late], [first, second]);
    assert.deepEqual(await outcomes(joined), expected(joined, 'open'));
    assert.deepEqual(await outcomes(['late>app1', 'app1>late']), expected(['late>app1', 'app1>late'], 'cut'));

    site.write('brain.json', manifest('all', [{ service: 'store' }], both));
    await stands(3);
    assert.deepEqual(
      await outcomes(['late>app1', 'app1>late']),
      expected(['late>app1', 'app1>late'], 'open'),
    );
    assert.deepEqual(await outcomes(between([late], two)), expected(between([late], two), 'cut'));
    await ping.close();
    assert.deepEqual(
      ping.samples().filter(({ rttMs }) => rttMs === null),
      [],
    );

    site.remove('brain.json');
    await until('the experiment to be forgotten', () => site.experiment('brain') === undefined);
    assert.deepEqual(await outcomes(between(one, two)), expected(between(one, two), 'open'));
  });

  it('that would choose all of a service to cut it from itself is denied', async () => {
    site.write('brain.json', manifest('all', [{ service: 'store' }]));
    const { message } = await site.phase('brain', 'Denied');
    assert.match(message, /nobody is on the other side: service store is wholly among the targets/);
    for (const member of members) assert.doesNotMatch(await snapshot(member), /SQ-/);
    site.remove('brain.json');
    await until('the experiment to be forgotten', () => site.experiment('brain') === undefined);
  });
});
