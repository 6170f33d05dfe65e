import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Container, Effect } from '../../../src/core/types.ts';
import {
  type LifecycleUndo,
  LOOK_AGAIN,
  nextStep,
  POLICY_GRACE,
} from '../../../src/faults/container/next-step.ts';
import { aContainer, anEffect } from '../container-support.ts';

const T = Date.UTC(2026, 0, 1, 12);
const struck = aContainer();
/** Another incarnation of the same container. */
const again = (change: Partial<Container> = {}) =>
  aContainer({ startedAt: '2026-01-01T11:59:59Z', ...change });

/** Struck a minute before T, recovered from T on. */
function effectOf(undo: Partial<LifecycleUndo> = {}, change: Partial<Effect> = {}): Effect {
  return anEffect({ type: 'container-kill' }, struck, {
    intendedAt: T - 60_000,
    injectedAt: T - 60_000,
    recoveringAt: T,
    undo: {
      startedAt: struck.startedAt,
      health: 'none',
      restartPolicy: 'no',
      policyActs: false,
      settle: 1000,
      ...undo,
    },
    ...change,
  });
}

const waits = (waiting: string) => ({ act: 'wait', retryAfter: LOOK_AGAIN, waiting });

describe('the next step of a recovery', () => {
  it('is over where the container is gone or going', () => {
    assert.deepEqual(nextStep(undefined, effectOf(), T), { act: 'done', how: 'gone' });
    for (const state of ['removing', 'dead'] as const) {
      assert.equal(nextStep(aContainer({ state }), effectOf(), T).act, 'done', state);
    }
  });

  it('starts what is down at once where no restart policy is to act', () => {
    for (const state of ['exited', 'created'] as const) {
      assert.deepEqual(nextStep(aContainer({ state }), effectOf(), T), { act: 'start' }, state);
    }
  });

  it('gives a restart policy its time, from the beginning of the recovery', () => {
    const effect = effectOf({ policyActs: true });
    const down = aContainer({ state: 'exited' });
    assert.deepEqual(nextStep(down, effect, T), waits('its restart policy'));
    assert.deepEqual(nextStep(down, effect, T + POLICY_GRACE - 1), waits('its restart policy'));
    assert.deepEqual(nextStep(down, effect, T + POLICY_GRACE), { act: 'start' });
    const backingOff = aContainer({ state: 'restarting' });
    assert.deepEqual(nextStep(backingOff, effect, T), waits('its restart policy'));
    assert.deepEqual(nextStep(backingOff, effect, T + POLICY_GRACE), { act: 'restart' });
  });

  it('does not wait for ever for a policy where the clock was set back', () => {
    assert.deepEqual(
      nextStep(aContainer({ state: 'exited' }), effectOf({ policyActs: true }), T - 3600_000),
      {
        act: 'start',
      },
    );
    assert.deepEqual(
      nextStep(aContainer({ state: 'restarting' }), effectOf({ policyActs: true }), T - 3600_000),
      {
        act: 'restart',
      },
    );
  });

  it('is over where it runs and has no healthcheck, or is healthy', () => {
    assert.deepEqual(nextStep(again(), effectOf(), T), { act: 'done', how: 'running' });
    const healthy = again({ health: 'healthy' });
    assert.deepEqual(nextStep(healthy, effectOf({ health: 'healthy' }), T), {
      act: 'done',
      how: 'running and healthy',
    });
  });

  it('waits for the healthcheck, unless it was unhealthy before', () => {
    const step = (health: Container['health'], before: Container['health']) =>
      nextStep(again({ health }), effectOf({ health: before }), T);
    assert.deepEqual(step('starting', 'healthy'), waits('its healthcheck (starting)'));
    assert.deepEqual(step('unhealthy', 'healthy'), waits('its healthcheck (unhealthy)'));
    assert.deepEqual(step('unhealthy', 'starting'), waits('its healthcheck (unhealthy)'));
    assert.equal(step('unhealthy', 'unhealthy').act, 'done');
    assert.equal(step('starting', 'unhealthy').act, 'done');
  });

  it('leaves what something else paused', () => {
    assert.match(
      (nextStep(again({ state: 'paused' }), effectOf(), T) as { how: string }).how,
      /paused by something/,
    );
  });

  it('does not take an incarnation that was just struck for one that lives on', () => {
    const effect = effectOf({ settle: 1000 }, { intendedAt: T - 400, injectedAt: T - 300 });
    assert.deepEqual(nextStep(struck, effect, T), waits('the strike to take effect'));
    assert.deepEqual(nextStep(struck, effect, T + 699), waits('the strike to take effect'));
    assert.deepEqual(nextStep(struck, effect, T + 700), { act: 'done', how: 'running' });
    assert.equal(nextStep(again(), effect, T).act, 'done', 'another incarnation was not struck');
    assert.equal(
      nextStep(struck, effect, T - 3600_000).act,
      'done',
      'nothing is known with the clock set back',
    );
  });

  it('counts from the last strike where there were several', () => {
    const effect = effectOf({ settle: 1000 }, { intendedAt: T - 100, injectedAt: T - 30_000, strikes: 4 });
    assert.deepEqual(nextStep(struck, effect, T), waits('the strike to take effect'));
  });

  it('is over where only the intent was written, whatever the health', () => {
    const effect = effectOf({ health: 'healthy' }, { injectedAt: null });
    assert.deepEqual(nextStep(aContainer({ health: 'unhealthy' }), effect, T), {
      act: 'done',
      how: 'it was not struck',
    });
  });

  it('makes do with a journal that says nothing', () => {
    assert.deepEqual(nextStep(aContainer({ state: 'exited' }), effectOf({}, { undo: null }), T), {
      act: 'start',
    });
  });
});
