import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { containerKill as kill } from '../../src/faults/container-kill.ts';
import { type Lab, openLab, until } from '../lab/lab.ts';
import { context, docker, intend, recovered, seen, strike } from './container-support.ts';

/** A pid 1 without a handler: the kernel keeps SIGTERM from it. */
const IGNORES = { init: false, cmd: ['sleep', '1000000'] };

describe('container-kill on a real engine', { concurrency: 4 }, () => {
  let lab: Lab;
  before(async () => {
    lab = await openLab('kill');
  });
  after(async () => {
    await lab.close();
    docker.close();
  });

  for (const restart of ['always', 'unless-stopped', 'on-failure']) {
    it(`via process lets restart policy ${restart} bring it back`, async () => {
      const box = await lab.run({ restart });
      const was = await seen(box.id);
      const effect = await strike(kill, box.id);
      await until('the policy', async () => (await seen(box.id)).startedAt !== was.startedAt);
      await recovered(kill, effect);
      const now = await box.inspect();
      assert.equal(now.State.Status, 'running');
      assert.equal(now.RestartCount, 1, 'the policy did it');
      assert.equal(now.State.ExitCode, 0);
    });

    it(`via engine cancels restart policy ${restart}, and recovery starts it`, async () => {
      const box = await lab.run({ restart });
      const effect = await strike(kill, box.id, { via: 'engine' });
      assert.equal((await seen(box.id)).state, 'exited');
      assert.equal(await kill.observe(context, effect), 'present');
      const started = performance.now();
      assert.deepEqual((await recovered(kill, effect)).waits, []);
      assert.ok(performance.now() - started < 2000, 'without the grace for a policy');
      assert.equal(await kill.observe(context, effect), 'absent');
      assert.equal((await box.inspect()).RestartCount, 0);
    });
  }

  for (const via of ['process', 'engine']) {
    it(`via ${via} without a restart policy leaves it down until recovery starts it`, async () => {
      const box = await lab.run();
      const effect = await strike(kill, box.id, { via });
      const { State } = await box.inspect();
      assert.deepEqual([State.Status, State.ExitCode], ['exited', 137]);
      assert.match((await recovered(kill, effect)).how, /^running$/);
      assert.equal((await seen(box.id)).state, 'running');
    });
  }

  it('starts what its policy does not bring back (on-failure and a clean end) once the policy had its time', async () => {
    const cmd = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.05; done'];
    const box = await lab.run({ restart: 'on-failure', init: false, cmd });
    const effect = await strike(kill, box.id, { signal: 'TERM' });
    await until('its end', async () => (await seen(box.id)).state === 'exited');
    const { waits } = await recovered(kill, effect);
    assert.deepEqual(waits, ['its restart policy']);
    assert.equal((await seen(box.id)).state, 'running');
  });

  it('gets a container out of the long back-off of its policy', async () => {
    const box = await lab.run({ restart: 'always' });
    for (let round = 0; round < 6; round++) {
      const again = await until('a start', async () => {
        const now = await seen(box.id);
        return now.state === 'running' && now;
      });
      await strike(kill, again.id);
    }
    assert.equal((await seen(box.id)).state, 'restarting');
    const effect = await intendDown(box.id);
    const started = performance.now();
    await recovered(kill, effect);
    console.log(`out of the back-off after ${Math.round(performance.now() - started)} ms`);
    assert.equal((await seen(box.id)).state, 'running');
  });

  /** The effect of the last strike, for a container that is down. */
  async function intendDown(id: string) {
    const { startedAt } = await seen(id);
    const undo = { startedAt, health: 'none', restartPolicy: 'always', policyActs: true, settle: 1000 };
    const box = await lab.run();
    const effect = await intend(kill, box.id);
    const at = Date.now();
    return { ...effect, target: { id, name: 'struck' }, incarnation: startedAt, undo, injectedAt: at };
  }

  it('a signal that the init ignores is no error', async () => {
    const box = await lab.run(IGNORES);
    const was = await seen(box.id);
    const effect = await strike(kill, box.id, { signal: 'SIGTERM' });
    assert.equal(await kill.observe(context, effect), 'absent');
    await recovered(kill, effect);
    assert.deepEqual(await seen(box.id), was);
  });

  it('a process that takes its time to end is not taken for recovered before', async () => {
    const cmd = ['sh', '-c', 'trap "sleep 1; exit 3" TERM; while :; do sleep 0.05; done'];
    const box = await lab.run({ init: false, cmd });
    await until('the trap', async () =>
      (await box.exec(['sh', '-c', 'grep SigCgt /proc/1/status'])).stdout.includes('4002'),
    );
    const was = await seen(box.id);
    const effect = await strike(kill, box.id, { signal: 15 });
    assert.equal((await seen(box.id)).startedAt, was.startedAt);
    const { waits } = await recovered(kill, effect);
    assert.deepEqual(waits, ['the strike to take effect']);
    const now = await seen(box.id);
    assert.equal(now.state, 'running');
    assert.notEqual(now.startedAt, was.startedAt);
  });

  it('every strike of a repeated one hits the incarnation that runs then', async () => {
    const box = await lab.run({ restart: 'always' });
    const starts = new Set([(await seen(box.id)).startedAt]);
    for (let strikes = 1; strikes <= 3; strikes++) {
      await strike(kill, box.id, { every: '1s' });
      await until('the policy', async () => {
        const now = await seen(box.id);
        return now.state === 'running' && starts.add(now.startedAt).size === strikes + 1;
      });
    }
    assert.equal((await box.inspect()).RestartCount, 3);
  });

  it('injected again after the policy acted, one strike stays one', async () => {
    const box = await lab.run({ restart: 'always' });
    const effect = await strike(kill, box.id);
    await until('the policy', async () => (await seen(box.id)).startedAt !== effect.incarnation);
    await kill.inject(context, effect);
    assert.equal((await box.inspect()).RestartCount, 1);
    assert.equal((await seen(box.id)).state, 'running');
  });

  it('waits until it is healthy again', async () => {
    const box = await lab.run({ restart: 'always', healthcmd: ['sh', '-c', ':'], healthIntervalMs: 500 });
    await until('health', async () => (await seen(box.id)).health === 'healthy');
    const effect = await strike(kill, box.id);
    const { how, waits } = await recovered(kill, effect);
    assert.equal(how, 'running and healthy');
    assert.ok(waits.includes('its healthcheck (starting)'), waits.join());
    assert.equal((await seen(box.id)).health, 'healthy');
  });

  it('is not done while it is unhealthy', async () => {
    const check = ['sh', '-c', 'test ! -e /etc/broken'];
    const box = await lab.run({ restart: 'always', healthcmd: check, healthIntervalMs: 100 });
    await until('health', async () => (await seen(box.id)).health === 'healthy');
    const effect = await strike(kill, box.id);
    await until('the policy', async () => (await seen(box.id)).state === 'running');
    await box.exec(['sh', '-c', 'echo > /etc/broken']);
    await until('ill health', async () => (await seen(box.id)).health === 'unhealthy');
    const claimed = { ...effect, recoveringAt: Date.now() };
    const answer = await kill.recover(context, claimed);
    assert.deepEqual(answer, { done: false, retryAfter: 200, waiting: 'its healthcheck (unhealthy)' });
    await box.exec(['sh', '-c', 'rm /etc/broken']);
    assert.equal((await recovered(kill, effect)).how, 'running and healthy');
  });

  it('a container that was unhealthy before need not be healthy after', async () => {
    const box = await lab.run({
      restart: 'always',
      healthcmd: ['sh', '-c', 'exit 1'],
      healthIntervalMs: 100,
    });
    await until('ill health', async () => (await seen(box.id)).health === 'unhealthy');
    const effect = await strike(kill, box.id);
    await until('the policy', async () => (await seen(box.id)).startedAt !== effect.incarnation);
    assert.match((await recovered(kill, effect)).how, /as before$/);
  });

  it('recovery without a strike does nothing, and neither does a second one', async () => {
    const box = await lab.run({ restart: 'always' });
    const was = await seen(box.id);
    const effect = await intend(kill, box.id);
    await recovered(kill, effect);
    await recovered(kill, effect);
    assert.deepEqual(await seen(box.id), was);
  });

  it('two recoveries at once end in one running container', async () => {
    const box = await lab.run();
    const effect = await strike(kill, box.id);
    await Promise.all([recovered(kill, effect), recovered(kill, effect)]);
    assert.equal((await seen(box.id)).state, 'running');
  });

  it('a container that was removed meanwhile is recovered, even if another one has its name now', async () => {
    const box = await lab.run({ name: 'twin' });
    const effect = await strike(kill, box.id);
    await box.remove();
    assert.equal(await kill.observe(context, effect), 'gone');
    const twin = await lab.run({ name: 'twin' });
    await twin.stop();
    assert.equal((await recovered(kill, effect)).how, 'gone');
    assert.equal((await seen(twin.id)).state, 'exited');
  });

  it('refuses targets that are not running, paused or removed when they end', async () => {
    const [down, paused, removed] = await Promise.all([lab.run(), lab.run(), lab.run({ autoRemove: true })]);
    await down.stop();
    await docker.pause(paused.id);
    await assert.rejects(intend(kill, down.id), { code: 'SQ307' });
    await assert.rejects(intend(kill, paused.id), { code: 'SQ403' });
    await assert.rejects(intend(kill, removed.id), { code: 'SQ208' });
  });
});
