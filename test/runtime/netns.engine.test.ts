import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { createNetns, netnsRefusal } from '../../src/runtime/netns.ts';
import { type Lab, type LabContainer, openLab } from '../lab/lab.ts';

const netns = createNetns();
let lab: Lab;
let box: LabContainer;

before(async () => {
  lab = await openLab('netns');
  box = await lab.run();
});
after(() => lab?.close());

async function entered(): Promise<never> {
  assert.fail('it was entered');
}

describe("a container's network namespace", () => {
  it('is entered by the checked descriptor: programs see its addresses', async () => {
    const pid = await box.pid();
    const seen = await netns.enter({ id: box.id, name: box.name, pid }, async (ns) => ({
      inode: ns.inode,
      addresses: (await ns.run('cat', ['/proc/net/fib_trie'])).stdout,
      echoed: (await ns.run('cat', [], 'said on stdin')).stdout,
      inet6: await ns.procNet('if_inet6'),
    }));
    assert.equal(seen.inode, statSync(`/proc/${pid}/ns/net`).ino);
    assert.ok(seen.addresses.includes(await box.ip4()));
    assert.equal(seen.echoed, 'said on stdin');
    assert.equal(seen.inet6, '');
  });

  it('is refused for a process that lives, but in no container', async () => {
    const other = spawn('sleep', ['60']);
    try {
      const container = { id: box.id, name: box.name, pid: other.pid ?? 0 };
      await assert.rejects(netns.enter(container, entered), (error) => netnsRefusal(error) === 'reused');
    } finally {
      other.kill('SIGKILL');
    }
  });

  it('is refused for a process of another container', async () => {
    const stranger = await lab.run();
    const container = { id: box.id, name: box.name, pid: await stranger.pid() };
    await assert.rejects(netns.enter(container, entered), (error) => netnsRefusal(error) === 'reused');
  });

  it("is refused where it is Squall's own", async () => {
    const host = await lab.run({ networkMode: 'host' });
    const container = { id: host.id, name: host.name, pid: await host.pid() };
    await assert.rejects(
      netns.enter(container, entered),
      (error) => netnsRefusal(error) === 'own' || netnsRefusal(error) === 'host',
    );
  });

  it('says SQ307 for a container that stopped', async () => {
    const stopped = await lab.run();
    const container = { id: stopped.id, name: stopped.name, pid: await stopped.pid() };
    await stopped.stop();
    await assert.rejects(netns.enter(container, entered), { code: 'SQ307' });
  });

  it('can be entered while the container is paused', async () => {
    const paused = await lab.run();
    const container = { id: paused.id, name: paused.name, pid: await paused.pid() };
    await lab.docker.getContainer(paused.id).pause();
    try {
      const { code } = await netns.enter(container, (ns) => ns.run('true', []));
      assert.equal(code, 0);
    } finally {
      await lab.docker.getContainer(paused.id).unpause();
    }
  });

  it('stays open for the programs of one entry when the container dies meanwhile', async () => {
    const dying = await lab.run();
    const container = { id: dying.id, name: dying.name, pid: await dying.pid() };
    await netns.enter(container, async (ns) => {
      await dying.stop();
      assert.equal((await ns.run('true', [])).code, 0);
      await assert.rejects(ns.procNet('if_inet6'), { code: 'SQ307' });
    });
  });
});
