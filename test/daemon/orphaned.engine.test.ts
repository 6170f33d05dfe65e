import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { endSentinel, openSite, type Site, sentinelPids } from '../lab/daemon.ts';
import { type Lab, openLab, until } from '../lab/lab.ts';
import { experiment } from '../lab/manifest.ts';
import { snapshot } from '../lab/snapshot.ts';
import { connects, echoServer, pinger } from '../lab/traffic.ts';

/** ms that the machine's own noise may add to a promise. */
const NOISE = 1000;

describe('a daemon that is dead and not started again', () => {
  let lab: Lab;
  before(async () => {
    lab = await openLab('orphaned');
  });
  after(() => lab.close());

  /** A site whose daemon has put the experiment in and was then killed. */
  async function orphan(
    manifest: object,
    options: { sentinel: boolean },
  ): Promise<{ site: Site; deadline: number }> {
    const site = openSite('orphaned');
    const daemon = await site.start({ sentinel: options.sentinel });
    site.write('e.yaml', manifest);
    await until(
      'the fault to be in',
      () => site.effects('e').some(({ phase }) => phase === 'injected') && true,
    );
    await daemon.kill();
    if (!options.sentinel) assert.deepEqual(sentinelPids(site.dir), []);
    return { site, deadline: site.run('e')?.deadline.wall ?? 0 };
  }

  test('with the sentinel dead too, the kernel ends a block within 1 s of its deadline', async () => {
    const network = await lab.network();
    const [target, peer] = [await lab.run({ network }), await lab.run({ network })];
    const server = await echoServer(peer, { port: 7000, proto: 'udp' });
    const block = { type: 'network-block', to: [{ container: peer.name }] };
    const { site, deadline } = await orphan(experiment('e', target, [block], { duration: '4s' }), {
      sentinel: false,
    });
    try {
      const pings = await pinger(target, await peer.ip4(), { port: 7000, intervalMs: 10 });
      await pings.waitForLoss();
      const back = await pings.waitForReply();
      await pings.close();
      assert.ok(back >= deadline - NOISE / 10, `traffic came back ${deadline - back} ms before the deadline`);
      assert.ok(
        back <= deadline + 1000 + NOISE,
        `traffic came back ${back - deadline} ms after the deadline`,
      );
    } finally {
      await server.close();
      await site.close();
    }
  });

  for (const sentinel of [false, true]) {
    const who = sentinel ? 'and the sentinel removes its device within 2 s' : 'with the sentinel dead too';
    test(`the kernel ends a bandwidth limit within 1 s of its deadline, ${who}`, async (t) => {
      const network = await lab.network();
      const [target, peer] = [await lab.run({ network }), await lab.run({ network })];
      const server = await echoServer(peer, { port: 7000, proto: 'udp' });
      const was = await snapshot(target);
      const slow = { type: 'network-bandwidth', to: [{ container: peer.name }], rate: '64kbit' };
      const { site, deadline } = await orphan(experiment('e', target, [slow], { duration: '8s' }), {
        sentinel,
      });
      try {
        // Once the queue is full, of two seconds, every answer comes too late to count.
        const pings = await pinger(target, await peer.ip4(), { port: 7000 });
        await until('the queue to be full', () => {
          const last = pings.samples().slice(-100);
          return last.length === 100 && last.every(({ rttMs }) => rttMs === null);
        });
        const back = await pings.waitForReply();
        t.diagnostic(`traffic came back ${(back - deadline).toFixed(0)} ms after the deadline`);
        assert.ok(
          back >= deadline - NOISE / 10,
          `traffic came back ${deadline - back} ms before the deadline`,
        );
        assert.ok(
          back <= deadline + 1000 + NOISE,
          `traffic came back ${back - deadline} ms after the deadline`,
        );
        if (sentinel) {
          await until('the device to be gone', async () => (await snapshot(target)) === was);
          const late = Date.now() - deadline;
          t.diagnostic(`the device was gone within ${late} ms of the deadline`);
          assert.ok(late <= 2000 + NOISE, `${late} ms after the deadline`);
        } else assert.notEqual(await snapshot(target), was, 'nobody is there to remove it');
        await pings.close();
      } finally {
        await server.close();
        await site.close();
      }
    });
  }

  for (const type of ['container-pause', 'container-stop', 'container-kill']) {
    test(`the sentinel ends ${type} within 2 s of its deadline, and then itself`, async () => {
      const target = await lab.run();
      const was = await snapshot(target);
      const { site, deadline } = await orphan(
        experiment('e', target, [{ type, ...(type === 'container-stop' && { grace: '1s' }) }], {
          duration: '4s',
        }),
        {
          sentinel: true,
        },
      );
      try {
        const back = await until('the target to run again', async () => {
          const { Running, Paused } = (await target.inspect()).State;
          return Running && !Paused && Date.now();
        });
        assert.ok(back >= deadline - 50, 'not before its time');
        // A killed container's restart policy is given 2 s to act before the sentinel starts it.
        const promise = type === 'container-pause' ? 2000 : 2000 + 2500;
        assert.ok(back <= deadline + promise + NOISE, `${back - deadline} ms after the deadline`);
        await until('the run to be over in the journal', () => site.run('e')?.phase === 'Completed');
        assert.equal(site.experiment('e')?.phase, 'Completed');
        const told = site.read((journal) => journal.events.list({ experiment: 'e' })).at(-1);
        assert.deepEqual(
          [told?.reason, told?.message],
          ['Completed', 'ended by the sentinel: DeadlineReached'],
        );
        assert.equal(await snapshot(target), was);
        await until('the sentinel to end', () => sentinelPids(site.dir).length === 0);
      } finally {
        await site.close();
      }
    });
  }

  test('the sentinel removes the rules of a fault that the kernel has ended', async () => {
    const network = await lab.network();
    const [target, peer] = [await lab.run({ network }), await lab.run({ network })];
    const was = await snapshot(target);
    const block = { type: 'network-block', to: [{ container: peer.name }] };
    const { site } = await orphan(experiment('e', target, [block], { duration: '3s' }), { sentinel: true });
    try {
      assert.notEqual(await snapshot(target), was);
      await until('the rules to be gone', async () => (await snapshot(target)) === was);
    } finally {
      await site.close();
    }
  });

  test('a daemon that starts after the deadline recovers first of all', async () => {
    const target = await lab.run();
    const { site, deadline } = await orphan(
      experiment('e', target, [{ type: 'container-pause' }], { duration: '2s' }),
      { sentinel: true },
    );
    await endSentinel(site.dir);
    try {
      await until('the deadline to pass', () => Date.now() > deadline + 300);
      assert.equal((await target.inspect()).State.Paused, true);
      await site.start({ sentinel: false });
      assert.equal((await target.inspect()).State.Paused, false);
      await site.phase('e', 'Completed');
    } finally {
      await site.close();
    }
  });

  test('a daemon that starts before the deadline goes on to the same one, on the same target, and runs no generation twice', async () => {
    const network = await lab.network();
    const [target, peer] = [await lab.run({ network }), await lab.run({ network })];
    const server = await echoServer(peer, { port: 7000, proto: 'tcp' });
    const block = { type: 'network-block', to: [{ container: peer.name }] };
    const { site, deadline } = await orphan(experiment('e', target, [block], { duration: '10s' }), {
      sentinel: true,
    });
    try {
      const daemon = await site.start();
      assert.equal(await connects(target, await peer.ip4(), 7000, { timeoutMs: 300 }), 'timeout');
      assert.equal(site.run('e')?.deadline.wall, deadline);
      await site.phase('e', 'Completed');
      await daemon.stop();
      await site.start();
      assert.equal(await connects(target, await peer.ip4(), 7000), 'open');
      assert.equal(site.read((journal) => journal.runs.list()).length, 1);
      assert.equal(site.experiment('e')?.phase, 'Completed');
    } finally {
      await server.close();
      await site.close();
    }
  });

  test('a file that broke while the daemon was away keeps what the journal remembers, till its deadline', async () => {
    const target = await lab.run();
    const { site, deadline } = await orphan(
      experiment('e', target, [{ type: 'container-pause' }], { duration: '6s' }),
      { sentinel: false },
    );
    try {
      site.write('e.yaml', 'apiVersion: squall/v1\nkind: [');
      await site.start({ sentinel: false });
      await until('the status to say so', () =>
        site.experiment('e')?.conditions.some(({ type, status }) => type === 'Valid' && status === 'False'),
      );
      assert.equal((await target.inspect()).State.Paused, true);
      await until('the run to complete', () => site.run('e')?.phase === 'Completed');
      assert.ok(Date.now() >= deadline - 50);
      assert.equal((await target.inspect()).State.Paused, false);
    } finally {
      await site.close();
    }
  });
});
