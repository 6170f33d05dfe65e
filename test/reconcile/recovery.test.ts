import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SquallError } from '../../src/core/errors.ts';
import { createLog } from '../../src/core/log.ts';
import type { Container, Effect, FaultSpec } from '../../src/core/types.ts';
import type { FaultContext } from '../../src/faults/fault.ts';
import { CLAIM_LEASE } from '../../src/journal/effects.ts';
import { IN_MEMORY, openJournal } from '../../src/journal/journal.ts';
import { type RecoveryDeps, recoverEffect } from '../../src/reconcile/recovery.ts';
import type { Step } from '../../src/reconcile/steps.ts';
import { intent } from '../journal/build.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { container, PAUSE, run, STOP } from '../plan/build.ts';

const web = container('web-0');

/** One standing fault, and an engine that does as the test says. */
function scripted(fault: FaultSpec = PAUSE) {
  const clock = new FakeClock();
  const journal = openJournal(IN_MEMORY);
  journal.runs.put(run([fault], [web]));
  const undo = {
    startedAt: web.startedAt,
    health: 'none',
    restartPolicy: 'no',
    policyActs: false,
    settle: 0,
  };
  const intended = journal.effects.intend(intent({ fault, undo }));
  journal.effects.injected(intended, clock.now());
  const effect = journal.effects.get(intended.id) as Effect;
  const script = {
    found: { ...web, state: 'paused' } as Container | undefined,
    calls: [] as string[],
    fails: undefined as Error | undefined,
    steps: [] as Step[],
    at: (_step: Step) => {},
  };
  const say = async (call: string) => {
    script.calls.push(call);
    if (script.fails) throw script.fails;
  };
  const docker = {
    inspect: async () => {
      if (script.fails) throw script.fails;
      return script.found;
    },
    unpause: async () => {
      await say('unpause');
      script.found = { ...web };
    },
    start: () => say('start'),
  };
  const log = createLog('silent');
  const deps: RecoveryDeps = {
    journal,
    clock,
    log,
    claimant: 'daemon:1',
    faults: { clock, log, docker, instance: journal.instance } as unknown as FaultContext,
    at: (step) => {
      script.steps.push(step);
      script.at(step);
    },
  };
  return { clock, journal, effect, script, deps, now: () => journal.effects.get(effect.id) as Effect };
}

const down = new SquallError('SQ301', 'the engine does not answer', { terminal: false });

describe('a recovery', () => {
  it('claims, undoes, and marks, in this order', async () => {
    const { deps, effect, script, now } = scripted();
    script.at = (step) => {
      if (step === 'after-claim') assert.deepEqual([now().phase, script.calls], ['recovering', []]);
      if (step === 'after-recover')
        assert.deepEqual([now().phase, script.calls], ['recovering', ['unpause']]);
    };
    assert.deepEqual(await recoverEffect(deps, effect, 1000), { state: 'recovered', recorded: true });
    assert.equal(now().phase, 'recovered');
    assert.deepEqual(script.steps, [
      'before-recover',
      'after-claim',
      'after-recover',
      'after-recovered-mark',
    ]);
  });

  it('that somebody else has claimed is lost, and touches nothing', async () => {
    const { deps, effect, script, journal, clock } = scripted();
    journal.effects.claim(effect, { claimant: 'sentinel:2', now: clock.now(), boot: clock.boot() });
    assert.deepEqual(await recoverEffect(deps, effect, 1000), { state: 'lost' });
    assert.deepEqual(await recoverEffect(deps, journal.effects.get(effect.id) as Effect, 1000), {
      state: 'lost',
    });
    assert.deepEqual(script.calls, []);
  });

  it('that somebody else has claimed and left is taken over', async () => {
    const { deps, effect, journal, clock, now } = scripted();
    journal.effects.claim(effect, { claimant: 'sentinel:2', now: clock.now(), boot: clock.boot() });
    clock.advance(CLAIM_LEASE + 1);
    assert.deepEqual(await recoverEffect(deps, now(), 1000), { state: 'recovered', recorded: true });
  });

  it('of what is recovered already is lost', async () => {
    const { deps, effect, now } = scripted();
    await recoverEffect(deps, effect, 1000);
    assert.deepEqual(await recoverEffect(deps, now(), 1000), { state: 'lost' });
  });

  it('whose deadline moved since it was looked at is lost', async () => {
    const { deps, effect, journal, script } = scripted();
    journal.effects.touch(effect.runId);
    assert.deepEqual(await recoverEffect(deps, effect, 1000), { state: 'lost' });
    assert.deepEqual(script.calls, []);
  });

  it('of a target that is gone is done', async () => {
    const { deps, effect, script, now } = scripted();
    script.found = undefined;
    assert.deepEqual(await recoverEffect(deps, effect, 0), { state: 'recovered', recorded: true });
    assert.equal(now().phase, 'recovered');
  });

  it('of a target that goes meanwhile (SQ307) is done', async () => {
    const { deps, effect, script, now } = scripted();
    script.fails = new SquallError('SQ307', 'gone');
    assert.deepEqual(await recoverEffect(deps, effect, 0), { state: 'recovered', recorded: true });
    assert.equal(now().phase, 'recovered');
  });

  it('that fails is tried again until its time is over, counted from the first try, and is failed then', async () => {
    const { deps, effect, script, clock, now } = scripted();
    script.fails = down;
    const waiting = { state: 'waiting', retryAfter: 250, reason: 'SQ301: the engine does not answer' };
    assert.deepEqual(await recoverEffect(deps, effect, 1000), waiting);
    clock.advance(999);
    assert.deepEqual(await recoverEffect(deps, now(), 1000), waiting);
    assert.equal(now().phase, 'recovering');
    clock.advance(1);
    const reason = 'not recovered in time: SQ301: the engine does not answer';
    assert.deepEqual(await recoverEffect(deps, now(), 1000), { state: 'failed', reason });
    assert.deepEqual([now().phase, now().error], ['failed', reason]);
  });

  it('that waits is failed by the time that has passed, and not by a step of the wall clock', async () => {
    const { clock, deps, effect, script, now } = scripted();
    script.fails = down;
    assert.equal((await recoverEffect(deps, effect, 1000)).state, 'waiting');
    clock.step(3_600_000);
    assert.equal((await recoverEffect(deps, now(), 1000)).state, 'waiting');
    clock.step(-7_200_000);
    clock.advance(1000);
    assert.equal((await recoverEffect(deps, now(), 1000)).state, 'failed');
  });

  it('that failed can succeed later', async () => {
    const { deps, effect, script, now } = scripted();
    script.fails = down;
    await recoverEffect(deps, effect, 0);
    assert.equal(now().phase, 'failed');
    script.fails = undefined;
    assert.deepEqual(await recoverEffect(deps, now(), 0), { state: 'recovered', recorded: true });
    assert.deepEqual([now().phase, now().error], ['recovered', null]);
  });

  it('has its whole time again after a fault was put in anew', async () => {
    const { deps, effect, script, clock, journal, now } = scripted();
    script.fails = down;
    await recoverEffect(deps, effect, 1000);
    clock.advance(60_000);
    journal.effects.injected(journal.effects.intend(intent()), clock.now());
    assert.equal((await recoverEffect(deps, now(), 1000)).state, 'waiting');
  });

  it('tells what it waits for, and when to look again', async () => {
    const { deps, effect, script } = scripted(STOP);
    script.found = { ...web, health: 'starting', startedAt: 'later' };
    const outcome = await recoverEffect(deps, effect, 1000);
    assert.ok(outcome.state === 'waiting' && outcome.retryAfter > 0);
    assert.match(outcome.reason, /healthcheck/);
  });
});

describe('a recovery without a journal to write to', () => {
  it('is done all the same', async () => {
    const { deps, effect, script, journal, now } = scripted();
    const full = { ...journal, transaction: () => assert.fail('database or disk is full') };
    assert.deepEqual(await recoverEffect({ ...deps, journal: full }, effect, 0), {
      state: 'recovered',
      recorded: false,
    });
    assert.deepEqual(script.calls, ['unpause']);
    assert.equal(now().phase, 'injected', 'nobody could write it down');
  });

  it('is written down when there is room again', async () => {
    const { deps, effect, journal, now } = scripted();
    let writes = 0;
    const filling = {
      ...journal,
      transaction: <T>(work: () => T): T => {
        writes += 1;
        return writes === 1 ? assert.fail('database or disk is full') : journal.transaction(work);
      },
    };
    await recoverEffect({ ...deps, journal: filling }, effect, 0);
    assert.equal(now().phase, 'recovered');
  });

  it('that waits goes on waiting, and does not count as failed by itself', async () => {
    const { deps, effect, script, journal } = scripted();
    script.fails = down;
    const full = { ...journal, transaction: () => assert.fail('database or disk is full') };
    assert.equal((await recoverEffect({ ...deps, journal: full }, effect, 1000)).state, 'waiting');
  });
});
