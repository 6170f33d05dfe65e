import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDue, type Watch } from '../../src/daemon/due.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { container, deadline, effect, run } from '../plan/build.ts';

const PAUSE = { type: 'container-pause' };
const one = effect(PAUSE, container('web-0'));
const active = () => ({ ...run([PAUSE], [container('web-0')]), deadline: deadline(60_000) });
const watch = (change: Partial<Watch> = {}): Watch => ({
  clock: new FakeClock(),
  run: active(),
  haltedAt: undefined,
  daemon: true,
  ...change,
});

describe('what the sentinel undoes', () => {
  it('is nothing before the deadline, whether the daemon lives or not', () => {
    assert.equal(isDue(one, watch()), false);
    assert.equal(isDue(one, watch({ daemon: false })), false);
  });

  it('is what is past its deadline: at once with the daemon dead, half a second later where it lives', () => {
    const clock = new FakeClock();
    clock.advance(60_000);
    assert.equal(isDue(one, watch({ clock, daemon: false })), true);
    assert.equal(isDue(one, watch({ clock })), false);
    clock.advance(500);
    assert.equal(isDue(one, watch({ clock })), true);
  });

  it('goes by boot time: a wall clock that was set back delays nothing, one set forward hastens nothing', () => {
    const clock = new FakeClock();
    clock.step(3_600_000);
    assert.equal(isDue(one, watch({ clock, daemon: false })), false);
    clock.step(-7_200_000);
    clock.advance(60_000);
    assert.equal(isDue(one, watch({ clock, daemon: false })), true);
  });

  it('is everything once all is halted: at once with the daemon dead, half a second later where it lives', () => {
    const clock = new FakeClock();
    const haltedAt = clock.now();
    assert.equal(isDue(one, watch({ clock, haltedAt, daemon: false })), true);
    assert.equal(isDue(one, watch({ clock, haltedAt })), false);
    clock.step(-3_600_000);
    assert.equal(isDue(one, watch({ clock, haltedAt })), true, 'the wall clock was set back');
  });

  it('is what a dead daemon had decided to end, and not what a living one is ending', () => {
    const ending = { ...active(), phase: 'Recovering', outcome: 'Halted' } as const;
    assert.equal(isDue(one, watch({ run: ending, daemon: false })), true);
    assert.equal(isDue(one, watch({ run: ending })), false);
    assert.equal(isDue(one, watch({ run: { ...active(), endedAt: 1 }, daemon: false })), true);
  });

  it('is tried again every 30 s where it failed before', () => {
    const clock = new FakeClock();
    clock.advance(90_000);
    const failed = { ...one, phase: 'failed' as const };
    let due = 0;
    for (let ms = 0; ms < 60_000; ms += 200) {
      if (isDue(failed, watch({ clock, daemon: false }))) due += 1;
      clock.advance(200);
    }
    assert.equal(due, 2);
  });
});
