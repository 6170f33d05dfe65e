import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ProbeSpec } from '../../src/core/kinds.ts';
import { attemptProbe } from '../../src/probes/attempt.ts';
import { execProbe } from '../../src/probes/exec.ts';
import type { ProbeKind } from '../../src/probes/probe.ts';
import type { ContainerExec } from '../../src/runtime/docker-exec.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { container, contextOf } from './support.ts';

const SPEC: ProbeSpec = { type: 'exec', container: 'box', command: ['true'] };

function contextWith(exec: ContainerExec, clock = new FakeClock()) {
  return { clock, context: contextOf({ clock, exec, containers: () => [container('box')] }) };
}

const never: ContainerExec = () => new Promise(() => {});

describe('one try', () => {
  it('is ended at its timeout, even where the kind does not listen', async (t) => {
    t.mock.method(execProbe, 'attempt', (() => new Promise(() => {})) satisfies ProbeKind['attempt']);
    const { clock, context } = contextWith(never);
    const tried = attemptProbe({ ...SPEC, timeout: '3s' }, context);
    let ended = false;
    void tried.then(() => {
      ended = true;
    });
    await clock.run(2999);
    assert.equal(ended, false);
    await clock.run(1);
    const { up, message } = await tried;
    assert.deepEqual([up, message], [false, 'no result within 3s']);
  });

  it('has 5 s where it says nothing', async () => {
    const { clock, context } = contextWith(never);
    const tried = attemptProbe(SPEC, context);
    await clock.run(5000);
    assert.match((await tried).message, /^no result within 5s/);
    assert.equal(clock.pending, 0);
  });

  it('tells the kind to end, and adds what it had seen', async () => {
    let told = false;
    const { clock, context } = contextWith((_, __, signal) => {
      return new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => {
          told = true;
          reject(new Error('ended'));
        }),
      );
    });
    const tried = attemptProbe(SPEC, context);
    await clock.run(5000);
    assert.equal((await tried).message, 'no result within 5s: the program has not ended');
    assert.equal(told, true);
  });

  it('is never up once its time is over', async (t) => {
    const late: ProbeKind['attempt'] = (_, __, signal) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => resolve({ up: true, message: 'fine' })),
      );
    t.mock.method(execProbe, 'attempt', late);
    const { clock, context } = contextWith(never);
    const tried = attemptProbe(SPEC, context);
    await clock.run(5000);
    assert.equal((await tried).up, false);
  });

  it('can be stopped from outside, before and while it runs', async () => {
    const { clock, context } = contextWith(never);
    const before = await attemptProbe(SPEC, context, AbortSignal.abort());
    assert.deepEqual([before.up, before.message], [false, 'stopped before it had a result']);
    const ender = new AbortController();
    const tried = attemptProbe(SPEC, context, ender.signal);
    ender.abort();
    assert.equal((await tried).message, 'stopped before it had a result');
    assert.equal(clock.pending, 0);
  });

  it('leaves no timer behind, whatever comes of it', async () => {
    const up = contextWith(async () => ({ code: 0, output: '' }));
    assert.equal((await attemptProbe(SPEC, up.context)).up, true);
    const down = contextWith(() => Promise.reject(new TypeError('a bug\nof ours')));
    const { message } = await attemptProbe(SPEC, down.context);
    assert.equal(message, 'a bug of ours');
    assert.deepEqual([up.clock.pending, down.clock.pending], [0, 0]);
  });

  it('of a kind that this version does not know is down', async () => {
    const { up, message } = await attemptProbe({ type: 'redis' }, contextOf());
    assert.equal(up, false);
    assert.match(message, /not a kind of probe: "redis"/);
  });

  it('tells how long it took', async () => {
    const slow = contextWith(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { code: 0, output: '' };
    });
    const { took } = await attemptProbe(SPEC, slow.context);
    assert.ok(took >= 15 && took < 1000, `${took} ms`);
  });
});
