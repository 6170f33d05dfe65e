import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { haltOffline } from '../../src/daemon/offline.ts';
import {
  assertRate,
  assertShare,
  assertUntouched,
  devicesIn,
  flooding,
  type Path,
  share,
} from '../faults/shape-support.ts';
import { openSite, type Site } from '../lab/daemon.ts';
import { type Lab, type LabContainer, openLab, until } from '../lab/lab.ts';
import { experiment } from '../lab/manifest.ts';
import { openStream } from '../lab/measure.ts';
import { snapshot } from '../lab/snapshot.ts';

const run = promisify(execFile);
/** ms that the machine's own noise may add to a promise. */
const NOISE = 1000;
const RATE = 8e6;

let lab: Lab;
before(async () => {
  lab = await openLab('shaping');
});
after(() => lab.close());

interface Pair {
  target: LabContainer;
  peer: LabContainer;
  /** Nobody limits what goes to it. */
  calm: LabContainer;
  network: string;
}

async function trio(): Promise<Pair> {
  const network = await lab.network();
  const [target, peer, calm] = [
    await lab.run({ network }),
    await lab.run({ network }),
    await lab.run({ network }),
  ];
  return { target, peer, calm, network };
}

const bandwidth = (peer: LabContainer, more: object = {}) => ({
  type: 'network-bandwidth',
  to: [{ container: peer.name }],
  rate: '8mbit',
  ...more,
});

async function path(from: LabContainer, to: LabContainer, port?: number): Promise<Path> {
  return { from, to, address: await to.ip4(), proto: 'udp', ...(port && { port }) };
}

const injected = (site: Site, name: string) =>
  until(
    `${name} to be injected`,
    () =>
      site.experiment(name)?.phase === 'Running' &&
      site.effects(name).every(({ phase }) => phase === 'injected'),
  );
const forgotten = (site: Site, name: string) =>
  until(`${name} to be forgotten`, () => site.experiment(name) === undefined);

async function inTarget(target: LabContainer, ...command: string[]): Promise<string> {
  return (await run('nsenter', ['-t', String(await target.pid()), '-n', ...command])).stdout;
}

describe('the life of a packet-level fault', { concurrency: 2 }, () => {
  let site: Site;
  before(async () => {
    site = openSite('shaping');
    await site.start();
  });
  after(() => site?.close());

  test('a manifest committed is the rate there; deleted, it is gone without a trace', async () => {
    const { target, peer, calm } = await trio();
    const was = await snapshot(target);
    site.write('commit.yaml', experiment('commit', target, [bandwidth(peer, { direction: 'both' })]));
    await injected(site, 'commit');
    const [beside] = await Promise.all([
      flooding(await path(target, calm)),
      assertRate(await path(target, peer), RATE, 'out'),
    ]);
    assertUntouched(beside, 'to another peer');
    await assertRate(await path(peer, target), RATE, 'in');
    site.remove('commit.yaml');
    await forgotten(site, 'commit');
    assert.equal(site.run('commit')?.phase, 'Halted');
    assert.equal(await snapshot(target), was);
    assertShare(await share(await path(target, peer)), false, 'afterwards');
  });

  test('an edited rate is changed in place: nothing is lost beside it', async () => {
    const { target, peer, calm } = await trio();
    site.write('edit.yaml', experiment('edit', target, [bandwidth(peer)]));
    await injected(site, 'edit');
    const device = await inTarget(target, 'ip', '-o', 'link', 'show', 'type', 'ifb');
    const beside = await openStream(target, calm, await calm.ip4(), { intervalMs: 1 });
    await assertRate(await path(target, peer), RATE, 'before');
    site.write('edit.yaml', experiment('edit', target, [bandwidth(peer, { rate: '3mbit' })]));
    await until('the edit', () => site.run('edit')?.generation === 2);
    await injected(site, 'edit');
    await assertRate(await path(target, peer), 3e6, 'after');
    assertUntouched(await beside.stop(), 'beside');
    const now = await inTarget(target, 'ip', '-o', 'link', 'show', 'type', 'ifb');
    assert.equal(now.split(':')[0], device.split(':')[0], 'the same device');
    assert.equal(site.effects('edit').length, 1);
    site.remove('edit.yaml');
    await forgotten(site, 'edit');
  });

  test('an edited duration moves its end, and interrupts nothing', async () => {
    const { target, peer, calm } = await trio();
    const was = await snapshot(target);
    // What passes is below the rate.
    const fault = bandwidth(peer, { rate: '20mbit', direction: 'both' });
    site.write('longer.yaml', experiment('longer', target, [fault], { duration: '60s' }));
    await injected(site, 'longer');
    const flows = await Promise.all(
      [peer, calm].map(async (to) => openStream(target, to, await to.ip4(), { intervalMs: 1, bytes: 1000 })),
    );
    site.write('longer.yaml', experiment('longer', target, [fault], { duration: '5s' }));
    await until('the edit', () => site.run('longer')?.generation === 2);
    await injected(site, 'longer');
    const { startedAt = 0, deadline } = site.run('longer') ?? {};
    assert.ok(Math.abs((deadline?.wall ?? 0) - startedAt - 5000) < 100, 'start + the new duration');
    for (const flow of flows) assertUntouched(await flow.stop(), 'while it was edited');
    assertShare(await share(await path(target, peer), 20e6), true, 'it holds');
    await site.phase('longer', 'Completed');
    const late = Date.now() - startedAt - 5000;
    assert.ok(late > -50 && late < NOISE + 500, `completed ${late} ms after the new deadline`);
    assert.equal(await snapshot(target), was);
  });

  test('a target that restarts has the rate again within 500 ms of its start', async (t) => {
    const { target, peer } = await trio();
    site.write('restarted.yaml', experiment('restarted', target, [bandwidth(peer)]));
    await injected(site, 'restarted');
    const since = Math.floor(Date.now() / 1000) - 1;
    await target.restart();
    await until('the fault to be in again', () =>
      site.effects('restarted').some(({ strikes, phase }) => strikes === 2 && phase === 'injected'),
    );
    const took = (site.effects('restarted')[0]?.injectedAt ?? 0) - (await startEvent(target, since));
    t.diagnostic(`in again ${took.toFixed(0)} ms after the start event`);
    assert.ok(took < 500 + NOISE, `${took} ms`);
    await assertRate(await path(target, peer), RATE, 'again');
    site.remove('restarted.yaml');
    await forgotten(site, 'restarted');
    assert.deepEqual(await devicesIn(target), []);
  });

  test('a peer that comes back at another address is followed, and its old address let go', async () => {
    const { target, network } = await trio();
    const alias = `db-${Date.now()}`;
    const first = await lab.run({ network, alias: [alias] });
    const fault = bandwidth(first, { to: [{ service: alias }] });
    site.write('follow.yaml', experiment('follow', target, [fault]));
    await injected(site, 'follow');
    await assertRate(await path(target, first), RATE, 'at first');
    const old = await first.ip4();
    await first.remove();
    const filler = await lab.run({ network }); // takes the old address
    const second = await lab.run({ network, alias: [alias] });
    const there = await path(target, second);
    await until('the new address to be limited', async () => (await share(there)) < 1.5);
    assert.equal(await filler.ip4(), old);
    const [beside] = await Promise.all([
      flooding(await path(target, filler)),
      assertRate(there, RATE, 'at the new address'),
    ]);
    assertUntouched(beside, 'who has the old address now');
    site.remove('follow.yaml');
    await forgotten(site, 'follow');
  });

  test('a network that the target joins while it runs has the fault as well, at once', async (t) => {
    const { target } = await trio();
    const second = await lab.network();
    const far = await lab.run({ network: second });
    const was = await snapshot(target);
    site.write('joins.yaml', experiment('joins', target, [bandwidth(far, { to: [{ any: true }] })]));
    await injected(site, 'joins');
    await target.connect(second);
    const connected = Date.now();
    const filters = () => inTarget(target, 'tc', 'filter', 'show', 'dev', 'eth1', 'egress');
    await until('the filter on the new interface', async () => (await filters()).includes('sq-'), 5000);
    t.diagnostic(`on the new interface ${Date.now() - connected} ms after the connect`);
    await assertRate(await path(target, far), RATE, 'there');
    const network = (await target.inspect()).HostConfig.NetworkMode ?? '';
    await lab.docker.getNetwork(second).disconnect({ Container: target.id });
    await until('it to be known', () =>
      site
        .effects('joins')
        .every(({ resolved }) => (resolved as { networks: string[] }).networks.join() === network),
    );
    site.remove('joins.yaml');
    await forgotten(site, 'joins');
    assert.equal(await snapshot(target), was);
  });

  test('two experiments on one container have a rate each; two that want the same packets are refused', async () => {
    const { target, peer } = await trio();
    const was = await snapshot(target);
    const ports = (port: number, rate: string) => bandwidth(peer, { ports: [port], protocol: 'udp', rate });
    site.write('one.yaml', experiment('one', target, [ports(5001, '8mbit')]));
    site.write('two.yaml', experiment('two', target, [ports(5002, '4mbit')]));
    await injected(site, 'one');
    await injected(site, 'two');
    site.write('third.yaml', experiment('third', target, [bandwidth(peer)]));
    assert.match(
      (await site.phase('third', 'Denied')).message,
      /network-bandwidth of experiment (one|two): both want its egress .*packets/,
    );
    site.remove('third.yaml');
    await Promise.all([
      assertRate(await path(target, peer, 5001), RATE, 'one'),
      assertRate(await path(target, peer, 5002), 4e6, 'two'),
    ]);
    site.remove('one.yaml');
    await forgotten(site, 'one');
    assertShare(await share(await path(target, peer, 5001)), false, 'the first is gone');
    await assertRate(await path(target, peer, 5002), 4e6, 'the second stays');
    site.remove('two.yaml');
    await forgotten(site, 'two');
    assert.equal(await snapshot(target), was);
  });

  test('of two targets in one network namespace one carries the fault', async () => {
    const { target, peer } = await trio();
    const was = await snapshot(target);
    const beside = await lab.run({ networkMode: `container:${target.id}` });
    site.write('shared.yaml', experiment('shared', [target, beside], [bandwidth(peer)]));
    await injected(site, 'shared');
    assert.equal(site.effects('shared').length, 1);
    assert.equal((await devicesIn(target)).length, 1);
    await assertRate(await path(target, peer), RATE, 'once the rate');
    site.remove('shared.yaml');
    await forgotten(site, 'shared');
    assert.equal(await snapshot(target), was);
  });

  test("a container on the host's network is refused", async () => {
    const { peer } = await trio();
    const host = await lab.run({ networkMode: 'host' });
    site.write('host.yaml', experiment('host', host, [bandwidth(peer)]));
    assert.match((await site.phase('host', 'Denied')).message, /network of the host/);
    site.remove('host.yaml');
    await forgotten(site, 'host');
  });

  test('somebody else’s filters on the interface: refused, with what to do, and left alone', async () => {
    const { target, peer } = await trio();
    await inTarget(target, 'tc', 'qdisc', 'add', 'dev', 'eth0', 'ingress');
    const theirs = await snapshot(target);
    site.write('foreign.yaml', experiment('foreign', target, [bandwidth(peer)]));
    assert.match(
      (await site.phase('foreign', 'Denied')).message,
      /eth0 .* has an ingress qdisc .* Squall did not make/,
    );
    site.remove('foreign.yaml');
    await forgotten(site, 'foreign');
    assert.equal(await snapshot(target), theirs);
  });
});

/** Wall ms of the container's last start, as the engine told it. */
async function startEvent(target: LabContainer, since: number): Promise<number> {
  const filters = { container: [target.id], event: ['start'] };
  const until = Math.ceil(Date.now() / 1000);
  const events: AsyncIterable<Buffer | string> = await lab.docker.getEvents({ since, until, filters });
  let text = '';
  for await (const chunk of events) text += chunk;
  const last = text.trim().split('\n').at(-1) ?? '';
  return (JSON.parse(last) as { timeNano: number }).timeNano / 1e6;
}

describe('devices in the world', { concurrency: 2 }, () => {
  async function withSites(count: number, use: (...sites: Site[]) => Promise<void>): Promise<void> {
    const sites = Array.from({ length: count }, (_, index) => openSite(`shaped${index}`));
    try {
      await use(...sites);
    } finally {
      for (const site of sites) await site.close();
    }
  }

  test('of this instance that no journal entry explains are removed at the start; foreign ones stay', async () => {
    const { target, peer } = await trio();
    await inTarget(target, 'ip', 'link', 'add', 'name', 'ifb3', 'type', 'ifb');
    await inTarget(target, 'ip', 'link', 'add', 'name', 'sq-nobody', 'type', 'ifb');
    const was = await snapshot(target);
    await withSites(1, async (site) => {
      const daemon = await site.start({ sentinel: false });
      site.write('lost.yaml', experiment('lost', target, [bandwidth(peer, { direction: 'both' })]));
      await injected(site, 'lost');
      await daemon.kill();
      site.remove('lost.yaml');
      forgetEffects(site);
      assertShare(await share(await path(target, peer)), true, 'with the daemon dead');
      await site.start({ sentinel: false });
      await until('the devices to be swept', async () => (await snapshot(target)) === was);
      assertShare(await share(await path(target, peer)), false, 'once swept');
      // What other tests have left past its deadline may be among what it swept.
      const events = site.read((journal) => journal.events.list({ experiment: 'lost', limit: 50 }));
      const swept = events.filter(({ reason, message }) => reason === 'Swept' && /device sq-/.test(message));
      assert.equal(swept.length, 2);
    });
  });

  test('of another instance are removed only past their deadline', async () => {
    const { target, peer } = await trio();
    await withSites(2, async (first, second) => {
      const was = await snapshot(target);
      const daemon = await first.start({ sentinel: false });
      await second.start({ resync: 200, sentinel: false });
      first.write('left.yaml', experiment('left', target, [bandwidth(peer)], { duration: '6s' }));
      await injected(first, 'left');
      await daemon.kill();
      assertShare(await share(await path(target, peer)), true, 'before its deadline');
      await until('the device to be swept', async () => (await snapshot(target)) === was, 20_000);
      assert.ok(Date.now() > (first.run('left')?.deadline.wall ?? 0));
    });
  });

  test('that somebody removed are put back at the next resync, and counted', async () => {
    const { target, peer } = await trio();
    const was = await snapshot(target);
    await withSites(1, async (site) => {
      const daemon = await site.start({ resync: 300 });
      site.write('drift.yaml', experiment('drift', target, [bandwidth(peer)]));
      await until('it to be read back', () =>
        site
          .experiment('drift')
          ?.conditions.some(({ type, status }) => type === 'Injected' && status === 'True'),
      );
      const [device = ''] = await devicesIn(target);
      await inTarget(target, 'ip', 'link', 'del', 'dev', device);
      await until('the device to be back', async () => (await devicesIn(target))[0] === device);
      await assertRate(await path(target, peer), RATE, 'again');
      await until('it to be counted', async () =>
        /squall_drift_repairs_total [1-9]/.test((await daemon.api('GET', '/metrics')).body),
      );
      site.remove('drift.yaml');
      await forgotten(site, 'drift');
      assert.equal(await snapshot(target), was);
    });
  });

  test('a daemon that was killed and is started again leaves them as they are', async () => {
    const { target, peer, calm } = await trio();
    await withSites(1, async (site) => {
      const daemon = await site.start();
      site.write('on.yaml', experiment('on', target, [bandwidth(peer, { rate: '20mbit' })]));
      await injected(site, 'on');
      const stands = await snapshot(target);
      const flows = await Promise.all(
        [peer, calm].map(async (to) => openStream(target, to, await to.ip4(), { intervalMs: 1 })),
      );
      await daemon.kill();
      await site.start({ resync: 200 });
      const resyncs = site.effects('on').map(({ strikes }) => strikes);
      assert.equal(await snapshot(target), stands, 'by the numbers of its filters');
      for (const flow of flows) assertUntouched(await flow.stop(), 'meanwhile');
      assert.deepEqual(resyncs, [1], 'it went in once');
      assertShare(await share(await path(target, peer), 20e6), true, 'it holds');
    });
  });

  test('halt --all with the daemon dead takes them out', async () => {
    const { target, peer } = await trio();
    const was = await snapshot(target);
    await withSites(1, async (site) => {
      const daemon = await site.start({ sentinel: false });
      site.write('a.yaml', experiment('a', target, [bandwidth(peer)]));
      await injected(site, 'a');
      await daemon.kill();
      assertShare(await share(await path(target, peer)), true, 'with the daemon dead');
      const { result } = await haltOffline({ state: site.paths.dir, dockerHost: undefined, what: 'all' });
      assert.deepEqual([result.experiments, result.left], [['a'], []]);
      assert.equal(await snapshot(target), was);
    });
  });
});

/** As if the journal had been lost: no effect is known any more. */
function forgetEffects(site: Site): void {
  const db = new DatabaseSync(site.paths.journal);
  db.exec('DELETE FROM effects; DELETE FROM runs; DELETE FROM experiments');
  db.close();
}
