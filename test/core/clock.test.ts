import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deadlineIn, remaining, systemClock, wallOf } from '../../src/core/clock.ts';
import { FakeClock } from '../lab/fake-clock.ts';

describe('a deadline', () => {
  it('counts down as time passes and is negative once past', () => {
    const clock = new FakeClock();
    const deadline = deadlineIn(clock, 60_000);
    assert.equal(remaining(clock, deadline), 60_000);
    clock.advance(59_999);
    assert.equal(remaining(clock, deadline), 1);
    clock.advance(2);
    assert.equal(remaining(clock, deadline), -1);
  });

  for (const hours of [-24, 24]) {
    it(`is not moved by a step of the wall clock by ${hours} h, and says what the wall clock will show`, () => {
      const clock = new FakeClock();
      const deadline = deadlineIn(clock, 60_000);
      const set = deadline.wall;
      clock.step(hours * 3.6e6);
      assert.equal(remaining(clock, deadline), 60_000);
      assert.equal(wallOf(clock, deadline), set + hours * 3.6e6);
      assert.equal(deadline.wall, set);
    });
  }

  it('goes by the wall clock after a reboot', () => {
    const clock = new FakeClock();
    const deadline = deadlineIn(clock, 60_000);
    clock.reboot(45_000);
    assert.equal(remaining(clock, deadline), 15_000);
    clock.advance(15_000);
    assert.equal(remaining(clock, deadline), 0);
    assert.equal(wallOf(clock, deadline), deadline.wall);
  });
});

describe('the system clock', () => {
  it('reads wall time, boot time and the id of this boot', () => {
    assert.ok(Math.abs(systemClock.now() - Date.now()) < 1000);
    const boot = systemClock.boot();
    assert.ok(boot > 0 && Number.isInteger(boot));
    assert.ok(systemClock.boot() >= boot);
    assert.match(systemClock.bootId(), /^[0-9a-f-]{36}$/);
    assert.equal(systemClock.bootId(), systemClock.bootId());
  });

  it('calls after the time, at once where it is negative, and not once cancelled', async () => {
    const cancel = systemClock.after(1, () => assert.fail('cancelled'));
    cancel();
    await new Promise<void>((resolve) => void systemClock.after(-5, resolve));
    await new Promise<void>((resolve) => void systemClock.after(3, resolve));
  });

  it('splits a wait that setTimeout cannot hold', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let called = 0;
    const month = 30 * 24 * 3.6e6;
    systemClock.after(month, () => called++);
    t.mock.timers.tick(2 ** 31 - 1);
    assert.equal(called, 0);
    t.mock.timers.tick(month - (2 ** 31 - 1) - 1);
    assert.equal(called, 0);
    t.mock.timers.tick(1);
    assert.equal(called, 1);
  });

  it('cancels a split wait in its second part too', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const cancel = systemClock.after(2 ** 31 + 1000, () => assert.fail('cancelled'));
    t.mock.timers.tick(2 ** 31 - 1);
    cancel();
    t.mock.timers.tick(5000);
  });
});
