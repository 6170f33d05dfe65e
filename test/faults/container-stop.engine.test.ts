import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { containerStop as stop } from '../../src/faults/container-stop.ts';
import { type Lab, openLab, until } from '../lab/lab.ts';
import { context, docker, intend, recovered, seen, strike } from './container-support.ts';

describe('container-stop on a real engine', { concurrency: 4 }, () => {
  let lab: Lab;
  before(async () => {
    lab = await openLab('stop');
  });
  after(async () => {
    await lab.close();
    docker.close();
  });

  for (const restart of ['no', 'always', 'unless-stopped', 'on-failure']) {
    it(`keeps it down under restart policy ${restart}, and starts it at the end`, async () => {
      const box = await lab.run({ restart });
      const effect = await strike(stop, box.id, { grace: '1s' });
      assert.equal((await seen(box.id)).state, 'exited');
      assert.equal(await stop.observe(context, effect), 'present');
      await recovered(stop, effect);
      assert.equal((await seen(box.id)).state, 'running');
      assert.equal((await box.inspect()).RestartCount, 0);
    });
  }

  it('lets a process use its grace, and kills it after that', async () => {
    const quick = await lab.run({
      init: false,
      cmd: ['sh', '-c', 'trap "exit 7" TERM; while :; do sleep 0.05; done'],
    });
    const deaf = await lab.run({ init: false });
    await until('the trap', async () =>
      (await quick.exec(['sh', '-c', 'grep SigCgt /proc/1/status'])).stdout.includes('4002'),
    );
    const started = performance.now();
    await Promise.all([strike(stop, quick.id, { grace: '5s' }), strike(stop, deaf.id, { grace: '700ms' })]);
    assert.ok(performance.now() - started > 900, 'rounded up to 1 s');
    assert.equal((await quick.inspect()).State.ExitCode, 7);
    assert.equal((await deaf.inspect()).State.ExitCode, 137);
  });

  it('grace 0s kills at once', async () => {
    const deaf = await lab.run({ init: false });
    await strike(stop, deaf.id, { grace: '0s' });
    assert.equal((await deaf.inspect()).State.ExitCode, 137);
  });

  it('ends where somebody else starts the target', async () => {
    const box = await lab.run();
    const effect = await strike(stop, box.id, { grace: '1s' });
    await box.start();
    const theirs = await seen(box.id);
    assert.equal(await stop.observe(context, effect), 'absent');
    await stop.inject(context, effect);
    assert.equal((await recovered(stop, effect)).how, 'running');
    assert.deepEqual(await seen(box.id), theirs, 'neither stopped nor started again');
  });

  it('waits until it is healthy again', async () => {
    const box = await lab.run({ healthcmd: ['sh', '-c', ':'], healthIntervalMs: 500 });
    await until('health', async () => (await seen(box.id)).health === 'healthy');
    const effect = await strike(stop, box.id, { grace: '1s' });
    const { how, waits } = await recovered(stop, effect);
    assert.equal(how, 'running and healthy');
    assert.deepEqual(waits, ['its healthcheck (starting)']);
  });

  it('does not take a stop that is still under way for one that never was', async () => {
    const deaf = await lab.run({ init: false });
    const effect = await intend(stop, deaf.id, { grace: '2s' });
    const under = stop.inject(context, effect); // who asked is dead by now: the journal holds the intent only
    const { how, waits } = await recovered(stop, effect);
    assert.deepEqual([how, waits], ['running', ['the strike to take effect']]);
    await under;
    const now = await seen(deaf.id);
    assert.equal(now.state, 'running');
    assert.notEqual(now.startedAt, effect.incarnation);
  });

  it('recovery without a stop does nothing once it is sure of that, and neither does a second one', async () => {
    const box = await lab.run();
    const was = await seen(box.id);
    const effect = await intend(stop, box.id, { grace: '0s' });
    assert.equal((await recovered(stop, effect)).how, 'it was not struck');
    await recovered(stop, effect);
    assert.deepEqual(await seen(box.id), was);
  });

  it('says why the engine could not start it', async () => {
    const box = await lab.run();
    const taken = await lab.run({ networkMode: `container:${box.id}` });
    const effect = await strike(stop, taken.id, { grace: '0s' });
    await docker.stop(box.id, 0); // its network namespace is gone: the other cannot start
    const answer = await stop.recover(context, { ...effect, recoveringAt: Date.now() });
    assert.ok(!answer.done);
    assert.match(answer.waiting, /^the engine to start it \(SQ401: .*non running container/);
    await box.start();
    assert.equal((await recovered(stop, effect)).how, 'running');
  });

  it('a container that was removed meanwhile is recovered', async () => {
    const box = await lab.run();
    const effect = await strike(stop, box.id, { grace: '0s' });
    await box.remove();
    assert.equal(await stop.observe(context, effect), 'gone');
    assert.equal((await recovered(stop, effect)).how, 'gone');
  });

  it('refuses targets that are not running, paused or removed when they end', async () => {
    const [down, paused, removed] = await Promise.all([lab.run(), lab.run(), lab.run({ autoRemove: true })]);
    await down.stop();
    await docker.pause(paused.id);
    await assert.rejects(intend(stop, down.id), { code: 'SQ307' });
    await assert.rejects(intend(stop, paused.id), { code: 'SQ403' });
    await assert.rejects(intend(stop, removed.id), { code: 'SQ208' });
  });
});
