import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { containerRestart as restart } from '../../src/faults/container-restart.ts';
import { type Lab, openLab, until } from '../lab/lab.ts';
import { context, docker, intend, recovered, seen, strike } from './container-support.ts';

describe('container-restart on a real engine', { concurrency: 4 }, () => {
  let lab: Lab;
  before(async () => {
    lab = await openLab('restart');
  });
  after(async () => {
    await lab.close();
    docker.close();
  });

  for (const policy of ['no', 'always', 'unless-stopped', 'on-failure']) {
    it(`restarts once under restart policy ${policy}`, async () => {
      const box = await lab.run({ restart: policy });
      const effect = await strike(restart, box.id, { grace: '1s' });
      const now = await seen(box.id);
      assert.equal(now.state, 'running');
      assert.notEqual(now.startedAt, effect.incarnation);
      await restart.inject(context, effect);
      assert.equal((await recovered(restart, effect)).how, 'running');
      assert.deepEqual(await seen(box.id), now, 'injected and recovered again, it is left alone');
    });
  }

  it('kills what is left after the grace', async () => {
    const deaf = await lab.run({ init: false });
    const started = performance.now();
    await strike(restart, deaf.id, { grace: '1s' });
    assert.ok(performance.now() - started > 900);
    assert.equal((await seen(deaf.id)).state, 'running');
  });

  it('waits until it is healthy again', async () => {
    const box = await lab.run({ healthcmd: ['sh', '-c', ':'], healthIntervalMs: 500 });
    await until('health', async () => (await seen(box.id)).health === 'healthy');
    const effect = await strike(restart, box.id, { grace: '1s' });
    const { how, waits } = await recovered(restart, effect);
    assert.deepEqual([how, waits], ['running and healthy', ['its healthcheck (starting)']]);
  });

  it('a container with AutoRemove is refused: the engine may remove it before it starts it again', async () => {
    const box = await lab.run({ autoRemove: true });
    await assert.rejects(strike(restart, box.id, { grace: '0s' }), { code: 'SQ208', message: /AutoRemove/ });
    assert.equal((await seen(box.id)).state, 'running');
  });

  it('a restart that was left halfway is finished', async () => {
    const box = await lab.run();
    const effect = await intend(restart, box.id, { grace: '0s' });
    await docker.stop(box.id, 0);
    await recovered(restart, effect);
    assert.equal((await seen(box.id)).state, 'running');
  });

  it('recovery without a restart does nothing once it is sure of that', async () => {
    const box = await lab.run();
    const was = await seen(box.id);
    assert.equal(
      (await recovered(restart, await intend(restart, box.id, { grace: '0s' }))).how,
      'it was not struck',
    );
    assert.deepEqual(await seen(box.id), was);
  });

  it('a container that was removed meanwhile is recovered', async () => {
    const box = await lab.run();
    const effect = await strike(restart, box.id, { grace: '0s' });
    await box.remove();
    assert.equal((await recovered(restart, effect)).how, 'gone');
  });

  it('refuses targets that are not running or paused', async () => {
    const [down, paused] = await Promise.all([lab.run(), lab.run()]);
    await down.stop();
    await docker.pause(paused.id);
    await assert.rejects(intend(restart, down.id), { code: 'SQ307' });
    await assert.rejects(intend(restart, paused.id), { code: 'SQ403' });
  });
});
