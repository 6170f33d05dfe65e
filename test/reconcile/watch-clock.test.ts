import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { watchClock } from '../../src/reconcile/controller.ts';
import { FakeClock } from '../lab/fake-clock.ts';

function watched() {
  const clock = new FakeClock();
  const steps: number[] = [];
  const end = watchClock(clock, (ms) => steps.push(ms));
  return { clock, end, told: () => steps.splice(0) };
}

describe('the watch on the wall clock', () => {
  it('says nothing while both clocks go alike', () => {
    const { clock, told } = watched();
    clock.advance(3_600_000);
    assert.deepEqual(told(), []);
  });

  it('tells a step either way within half a second, once', () => {
    const { clock, told } = watched();
    for (const step of [3_600_000, -7_200_000, 250]) {
      clock.step(step);
      clock.advance(500);
      assert.deepEqual(told(), [step]);
      clock.advance(60_000);
      assert.deepEqual(told(), []);
    }
  });

  it('tells that the machine was suspended: timers are late then', () => {
    const { clock, told } = watched();
    clock.advance(700);
    clock.suspend(60_000);
    clock.advance(500);
    assert.deepEqual(told(), [0]);
    clock.advance(60_000);
    assert.deepEqual(told(), []);
  });

  it('tells what small steps come to, when it is worth it', () => {
    const { clock, told } = watched();
    for (const _ of [1, 2, 3]) {
      clock.step(90);
      clock.advance(500);
    }
    assert.deepEqual(told(), [270]);
  });

  it('ends when it is told to', () => {
    const { clock, end, told } = watched();
    clock.advance(1700);
    end();
    assert.equal(clock.pending, 0);
    clock.step(9999);
    clock.advance(5000);
    assert.deepEqual(told(), []);
  });
});
