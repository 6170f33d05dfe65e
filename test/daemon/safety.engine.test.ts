import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { haltOffline, resumeOffline } from '../../src/daemon/offline.ts';
import { openSite, type Site } from '../lab/daemon.ts';
import { type Lab, type LabContainer, openLab, until } from '../lab/lab.ts';
import { experiment } from '../lab/manifest.ts';
import { snapshot } from '../lab/snapshot.ts';
import { connects, echoServer } from '../lab/traffic.ts';

const run = promisify(execFile);
const PORT = 7000;

describe('safety', { concurrency: 3 }, () => {
  let lab: Lab;
  before(async () => {
    lab = await openLab('safety');
  });
  after(() => lab.close());

  async function withSites(count: number, use: (...sites: Site[]) => Promise<void>): Promise<void> {
    const sites = Array.from({ length: count }, (_, index) => openSite(`safety${index}`));
    try {
      await use(...sites);
    } finally {
      for (const site of sites) await site.close();
    }
  }
  async function pair(
    more: { optIn?: boolean } = {},
  ): Promise<{ target: LabContainer; peer: LabContainer; address: string }> {
    const network = await lab.network();
    const [target, peer] = [await lab.run({ network, ...more }), await lab.run({ network })];
    await echoServer(peer, { port: PORT, proto: 'tcp' });
    return { target, peer, address: await peer.ip4() };
  }
  const block = (peer: LabContainer) => ({ type: 'network-block', to: [{ container: peer.name }] });
  const injected = (site: Site, name: string) =>
    until(
      `${name} to be injected`,
      () =>
        site.experiment(name)?.phase === 'Running' &&
        site.effects(name).every(({ phase }) => phase === 'injected'),
    );
  const reach = (target: LabContainer, address: string) =>
    connects(target, address, PORT, { timeoutMs: 300 });

  test('a second daemon on one state directory, or on one engine without a name of its own, is refused', async () => {
    await withSites(2, async (first, second) => {
      await first.start({ instance: 'same', sentinel: false });
      const rival = await first.start({ instance: 'other', sentinel: false, wait: false });
      assert.equal(await rival.ended, 1);
      assert.match(rival.log(), /SQ304.*state directory/s);
      const neighbour = await second.start({ instance: 'same', sentinel: false, wait: false });
      assert.equal(await neighbour.ended, 1);
      assert.match(neighbour.log(), /SQ304.*--instance/s);
    });
  });

  test('two daemons with two state directories on one engine leave each other’s rules alone, and count each other', async () => {
    const { target, peer, address } = await pair();
    await withSites(2, async (first, second) => {
      await first.start({ resync: 300 });
      first.write('mine.yaml', experiment('mine', target, [block(peer)]));
      await injected(first, 'mine');
      const was = await snapshot(target);
      const daemon = await second.start({ resync: 300 });
      const limited = { spec: { blastRadius: { minHealthy: 1 } } };
      second.write('theirs.yaml', experiment('theirs', [target], [block(peer)], limited));
      const record = await second.phase('theirs', 'Denied');
      assert.match(record.message, /0 of 1 containers .* would stay healthy, minHealthy asks for 1/);
      await daemon.stop();
      assert.equal(await snapshot(target), was, 'the first one’s rules stand');
      assert.equal(await reach(target, address), 'timeout');
    });
  });

  test('a chain of its own that no journal entry explains is swept at the start; foreign rules stay', async () => {
    const { target, peer, address } = await pair();
    await withSites(1, async (site) => {
      const pid = String(await target.pid());
      await run('nsenter', [
        '-t',
        pid,
        '-n',
        'iptables',
        '-A',
        'OUTPUT',
        '-p',
        'tcp',
        '--dport',
        '9',
        '-j',
        'DROP',
      ]);
      const was = await snapshot(target);
      const daemon = await site.start();
      site.write('lost.yaml', experiment('lost', target, [block(peer)]));
      await injected(site, 'lost');
      await daemon.kill();
      site.remove('lost.yaml');
      forgetEffects(site);
      assert.equal(await reach(target, address), 'timeout');
      await site.start();
      await until('the chain to be swept', async () => (await snapshot(target)) === was);
    });
  });

  test('another instance’s chain is swept only past its deadline', async () => {
    const { target, peer, address } = await pair();
    await withSites(2, async (first, second) => {
      const was = await snapshot(target);
      const daemon = await first.start({ sentinel: false });
      await second.start({ resync: 200 });
      first.write('left.yaml', experiment('left', target, [block(peer)], { duration: '6s' }));
      await injected(first, 'left');
      await daemon.kill();
      assert.equal(await reach(target, address), 'timeout');
      await until('the chain to be swept', async () => (await snapshot(target)) === was, 20_000);
      assert.ok(Date.now() > (first.run('left')?.deadline.wall ?? 0));
    });
  });

  test('rules that somebody flushed are put back at the next resync, and counted', async () => {
    const { target, peer, address } = await pair();
    await withSites(1, async (site) => {
      const daemon = await site.start({ resync: 300 });
      site.write('drift.yaml', experiment('drift', target, [block(peer)]));
      await until('it to be read back', () =>
        site
          .experiment('drift')
          ?.conditions.some(({ type, status }) => type === 'Injected' && status === 'True'),
      );
      await run('nsenter', ['-t', String(await target.pid()), '-n', 'iptables', '-F', 'OUTPUT']);
      await until('the block to be back', async () => (await reach(target, address)) === 'timeout');
      await until('it to be counted', async () =>
        /squall_drift_repairs_total [1-9]/.test((await daemon.api('GET', '/metrics')).body),
      );
    });
  });

  test('a container that shares the target’s namespace and has not opted in refuses the fault', async () => {
    const { target, peer, address } = await pair();
    const sidecar = await lab.run({ networkMode: `container:${target.id}`, optIn: false });
    await withSites(1, async (site) => {
      await site.start();
      site.write('shared.yaml', experiment('shared', target, [block(peer)]));
      const record = await site.phase('shared', 'Denied');
      assert.match(
        record.message,
        new RegExp(`${sidecar.name} shares a network namespace with a target and has not opted in`),
      );
      assert.equal(await reach(target, address), 'open');
    });
  });

  test('a container that shares the target’s namespace counts in the blast radius', async () => {
    const { target, peer } = await pair();
    await lab.run({ networkMode: `container:${target.id}` });
    await withSites(1, async (site) => {
      await site.start();
      site.write(
        'counted.yaml',
        experiment('counted', target, [block(peer)], { spec: { blastRadius: { maxTargets: 1 } } }),
      );
      assert.match((await site.phase('counted', 'Denied')).message, /2 containers would be hit/);
      site.write(
        'counted.yaml',
        experiment('counted', target, [block(peer)], { spec: { blastRadius: { maxTargets: 2 } } }),
      );
      await injected(site, 'counted');
    });
  });

  test('a container on the host’s network is refused', async () => {
    const peer = await lab.run();
    const target = await lab.run({ networkMode: 'host' });
    await withSites(1, async (site) => {
      await site.start();
      site.write('host.yaml', experiment('host', target, [block(peer)]));
      assert.match((await site.phase('host', 'Denied')).message, /network of the host/);
    });
  });

  test('a protected container is never touched', async () => {
    const target = await lab.run({ labels: { 'squall.protect': 'true' } });
    await withSites(1, async (site) => {
      await site.start();
      site.write('p.yaml', experiment('p', target, [{ type: 'container-pause' }]));
      assert.match((await site.phase('p', 'Denied')).message, /is protected/);
      assert.equal((await target.inspect()).State.Paused, false);
    });
  });

  test('halt --all with the daemon dead recovers from the journal, is remembered by the next daemon, and is lifted by resume', async () => {
    const { target, peer, address } = await pair();
    const paused = await lab.run();
    await withSites(1, async (site) => {
      const daemon = await site.start({ sentinel: false });
      site.write('a.yaml', experiment('a', target, [block(peer)]));
      site.write('b.yaml', experiment('b', paused, [{ type: 'container-pause' }]));
      await injected(site, 'a');
      await injected(site, 'b');
      await daemon.kill();
      const { result } = await haltOffline({ state: site.paths.dir, dockerHost: undefined, what: 'all' });
      const { experiments, left } = result;
      assert.deepEqual([experiments, left], [['a', 'b'], []]);
      assert.deepEqual([site.experiment('a')?.phase, site.experiment('b')?.phase], ['Halted', 'Halted']);
      assert.equal(await reach(target, address), 'open');
      assert.equal((await paused.inspect()).State.Paused, false);
      const next = await site.start({ sentinel: false });
      await site.phase('a', 'Halted');
      assert.equal(await reach(target, address), 'open');
      await next.stop();
      await resumeOffline({ state: site.paths.dir, dockerHost: undefined, what: 'all' });
      await site.start({ sentinel: false });
      await injected(site, 'a');
      assert.equal(await reach(target, address), 'timeout');
    });
  });

  test('halt --all over the socket recovers everything and starts nothing', async () => {
    const { target, peer, address } = await pair();
    await withSites(1, async (site) => {
      const daemon = await site.start();
      site.write('a.yaml', experiment('a', target, [block(peer)]));
      await injected(site, 'a');
      const { status, body } = await daemon.api('POST', '/api/v1/halt');
      assert.equal(status, 200, body);
      assert.equal(await reach(target, address), 'open');
      site.write('b.yaml', experiment('b', target, [block(peer)]));
      await site.phase('b', 'Halted');
      await daemon.api('POST', '/api/v1/resume');
      await injected(site, 'a');
      await injected(site, 'b');
    });
  });

  test('on a full disk nothing is injected, and what is in the world comes out all the same', async (t) => {
    const { target, peer, address } = await pair();
    const other = await lab.run({ network: await lab.network() });
    await withSites(1, async (site) => {
      mkdirSync(site.paths.dir, { mode: 0o700 });
      const mount = ['-t', 'tmpfs', '-o', 'size=2m,mode=0700', 'tmpfs', site.paths.dir];
      if (
        await run('mount', mount).then(
          () => false,
          () => true,
        )
      )
        return t.skip('needs the right to mount a file system');
      try {
        const daemon = await site.start({ sentinel: false });
        site.write('full.yaml', experiment('full', target, [block(peer)]));
        await injected(site, 'full');
        fill(join(site.paths.dir, 'ballast'));
        site.write('more.yaml', experiment('more', other, [{ type: 'container-pause' }]));
        await until('the second one to fail for want of room', () => /SQ305/.test(daemon.log()));
        assert.equal((await other.inspect()).State.Paused, false);
        site.remove('full.yaml');
        await until('the traffic to flow', async () => (await reach(target, address)) === 'open');
        assert.equal((await other.inspect()).State.Paused, false);
        rmSync(join(site.paths.dir, 'ballast'));
        await until(
          'the object to be forgotten, once there is room',
          () => site.experiment('full') === undefined,
          40_000,
        );
        await injected(site, 'more');
        await daemon.kill();
      } finally {
        await run('umount', ['--lazy', site.paths.dir]);
      }
    });
  });

  test('a daemon told to stop leaves what runs to its deadline, and the sentinel ends it', async () => {
    const target = await lab.run();
    await withSites(1, async (site) => {
      const daemon = await site.start();
      site.write('p.yaml', experiment('p', target, [{ type: 'container-pause' }], { duration: '4s' }));
      await injected(site, 'p');
      await daemon.stop();
      assert.equal((await target.inspect()).State.Paused, true);
      await until('the sentinel to unpause', async () => !(await target.inspect()).State.Paused);
      assert.ok(Date.now() >= (site.run('p')?.deadline.wall ?? 0) - 50);
    });
  });
});

/** Writes until there is no room left, to the last byte. */
function fill(file: string): void {
  const fd = openSync(file, 'w');
  for (const size of [65_536, 512, 1]) {
    try {
      for (;;) writeSync(fd, Buffer.alloc(size));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
  closeSync(fd);
}

/** As if the journal had been lost: no effect is known any more. */
function forgetEffects(site: Site): void {
  const db = new DatabaseSync(site.paths.journal);
  db.exec('DELETE FROM effects; DELETE FROM runs; DELETE FROM experiments');
  db.close();
}
