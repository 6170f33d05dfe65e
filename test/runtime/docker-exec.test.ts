import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import type Dockerode from 'dockerode';
import { SquallError } from '../../src/core/errors.ts';
import { containerExec } from '../../src/runtime/docker-exec.ts';
import { FakeClock } from '../lab/fake-clock.ts';

/** An engine whose programs end at once, without a word. `looks`: what it says of a program, from look to look, the last for good. */
function engine(looks: { Running: boolean; ExitCode: number | null }[]) {
  const asked: string[] = [];
  const state = { hangs: false, forgets: false };
  const client = {
    getContainer: () => ({
      exec: async () => {
        asked.push('create');
        return { id: 'e1' };
      },
    }),
    getExec: () => ({
      start: async () => {
        asked.push('start');
        return state.hangs ? new PassThrough() : new PassThrough().end().resume();
      },
      inspect: async () => {
        asked.push('inspect');
        if (state.forgets) throw new SquallError('SQ307', 'no such exec');
        return looks.length > 1 ? looks.shift() : looks[0];
      },
    }),
  } as unknown as Dockerode;
  const clock = new FakeClock();
  const exec = containerExec((_, aborts, run) => run(client, aborts), clock);
  return {
    exec: (signal = new AbortController().signal) => exec('box', { command: ['true'] }, signal),
    clock,
    asked,
    state,
  };
}

const RUNNING = { Running: true, ExitCode: null };
const ENDED = { Running: false, ExitCode: 3 };

describe('a program whose output has ended', () => {
  it('is asked after, less and less often, until the engine knows its exit code', async () => {
    const { exec, clock, asked } = engine([RUNNING, { Running: false, ExitCode: null }, RUNNING, ENDED]);
    const outcome = exec();
    await clock.run(4);
    assert.deepEqual(asked, ['create', 'start', 'inspect']);
    await clock.run(1 + 10 + 19);
    assert.equal(asked.length, 5);
    await clock.run(1);
    assert.deepEqual(await outcome, { code: 3, output: '' });
    assert.equal(asked.filter((what) => what === 'inspect').length, 4);
    assert.equal(clock.pending, 0);
  });

  it('is asked after no more once the signal is aborted', async () => {
    const { exec, clock, asked } = engine([RUNNING]);
    const ender = new AbortController();
    const ended = assert.rejects(exec(ender.signal), { code: 'SQ301' });
    await clock.run(0);
    ender.abort();
    await ended;
    await clock.run(10_000);
    assert.deepEqual([asked.length, clock.pending], [3, 0]);
  });
});

describe('a program that was left alone', () => {
  const left = async (looks: { Running: boolean; ExitCode: number | null }[]) => {
    const world = engine(looks);
    world.state.hangs = true;
    const ender = new AbortController();
    const ended = assert.rejects(world.exec(ender.signal), { code: 'SQ301' });
    await world.clock.run(0);
    ender.abort();
    await ended;
    world.state.hangs = false;
    world.asked.length = 0;
    return world;
  };

  it('keeps the same from being started, until it has ended; then it is forgotten', async () => {
    const { exec, asked } = await left([RUNNING, ENDED]);
    await assert.rejects(exec(), { code: 'SQ401', terminal: false });
    assert.deepEqual(asked, ['inspect']);
    assert.equal((await exec()).code, 3);
    await exec();
    assert.deepEqual(asked.slice(1), ['inspect', 'create', 'start', 'inspect', 'create', 'start', 'inspect']);
  });

  it('has ended where the engine does not know it any more', async () => {
    const { exec, state, asked } = await left([ENDED]);
    state.forgets = true;
    await assert.rejects(exec(), { code: 'SQ307' }); // which the same engine says of the next one
    assert.deepEqual(asked, ['inspect', 'create', 'start', 'inspect']);
  });
});
