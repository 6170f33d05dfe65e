import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { containerPause as pause } from '../../src/faults/container-pause.ts';
import { type Lab, openLab, until } from '../lab/lab.ts';
import { context, docker, intend, recovered, seen, strike } from './container-support.ts';

/** The engine hears of a pause twice: when it is done, and from containerd, which may be after the unpause. It comes right by itself. */
const runs = (id: string) => until('it to run', async () => (await seen(id)).state === 'running');

describe('container-pause on a real engine', { concurrency: 4 }, () => {
  let lab: Lab;
  before(async () => {
    lab = await openLab('pause');
  });
  after(async () => {
    await lab.close();
    docker.close();
  });

  it('freezes the target until it is recovered', async () => {
    const box = await lab.run();
    const was = await seen(box.id);
    const effect = await strike(pause, box.id);
    assert.equal((await seen(box.id)).state, 'paused');
    assert.equal(await pause.observe(context, effect), 'present');
    assert.equal((await recovered(pause, effect)).how, 'unpaused');
    assert.equal(await pause.observe(context, effect), 'absent');
    assert.deepEqual(await seen(box.id), was);
  });

  it('injected again, it stays as it is', async () => {
    const box = await lab.run();
    const effect = await strike(pause, box.id);
    await pause.inject(context, effect);
    assert.equal((await seen(box.id)).state, 'paused');
    await recovered(pause, effect);
    await runs(box.id);
  });

  it('recovery without a pause does nothing, and neither does a second one', async () => {
    const box = await lab.run();
    const was = await seen(box.id);
    const effect = await intend(pause, box.id);
    assert.equal((await recovered(pause, effect)).how, 'not paused');
    await pause.inject(context, effect);
    assert.equal((await recovered(pause, effect)).how, 'unpaused');
    assert.equal((await recovered(pause, effect)).how, 'not paused');
    assert.deepEqual(await seen(box.id), was);
  });

  it('recovers a pause whose injection was never noted', async () => {
    const box = await lab.run();
    const effect = await intend(pause, box.id);
    await pause.inject(context, effect);
    await recovered(pause, effect);
    await runs(box.id);
  });

  it('prepared again for an intent in the journal, it knows its own pause', async () => {
    const box = await lab.run();
    const effect = await intend(pause, box.id);
    await pause.inject(context, effect);
    assert.deepEqual(await pause.prepare(context, effect, await seen(box.id)), effect.undo);
    await recovered(pause, effect);
    await runs(box.id);
  });

  it('refuses what something else has paused, and leaves it so', async () => {
    const box = await lab.run();
    await docker.pause(box.id);
    await assert.rejects(intend(pause, box.id), { code: 'SQ403' });
    assert.equal((await seen(box.id)).state, 'paused');
  });

  it('refuses what is not running', async () => {
    const box = await lab.run();
    await box.stop();
    await assert.rejects(intend(pause, box.id), { code: 'SQ307', terminal: true });
  });

  it('does not pause an incarnation that it was not prepared for', async () => {
    const box = await lab.run();
    const effect = await intend(pause, box.id);
    await box.restart();
    await assert.rejects(pause.inject(context, effect), { code: 'SQ307', terminal: false });
    assert.equal((await seen(box.id)).state, 'running');
  });

  it("leaves another incarnation's pause alone", async () => {
    const box = await lab.run();
    const effect = await strike(pause, box.id);
    await docker.unpause(box.id);
    await box.restart();
    assert.equal(await pause.observe(context, effect), 'gone');
    await docker.pause(box.id);
    assert.equal((await recovered(pause, effect)).how, 'it was restarted');
    assert.equal((await seen(box.id)).state, 'paused');
  });

  it('stopped or removed meanwhile, it is recovered', async () => {
    const [stopped, removed] = await Promise.all([lab.run(), lab.run()]);
    const effects = await Promise.all([strike(pause, stopped.id), strike(pause, removed.id)]);
    await docker.unpause(stopped.id);
    await stopped.stop();
    await removed.remove();
    for (const effect of effects) assert.equal(await pause.observe(context, effect), 'gone');
    assert.equal((await recovered(pause, effects[0])).how, 'not paused');
    assert.equal((await recovered(pause, effects[1])).how, 'gone');
    assert.equal(
      (await seen(stopped.id)).state,
      'exited',
      'not started: it was not this fault that stopped it',
    );
  });

  it('two recoveries at once are both done', async () => {
    const box = await lab.run();
    const effect = await strike(pause, box.id);
    const claimed = { ...effect, recoveringAt: Date.now() };
    const answers = await Promise.all([1, 2, 3, 4].map(() => pause.recover(context, claimed)));
    assert.ok(answers.every(({ done }) => done));
    assert.equal((await seen(box.id)).state, 'running');
  });
});
