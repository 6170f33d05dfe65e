import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Clock } from '../../../src/core/clock.ts';
import { steadyWall } from '../../../src/faults/net/deadline.ts';

const deadline = { wall: 1_000_000, boot: 50_000, bootId: 'b' };

/** A clock 10 s before the deadline; `boots` are what boot time reads, in turn, off the truth. */
function clock(step: number, boots: number[] = []): Clock {
  return {
    now: () => 990_000 + step,
    boot: () => 40_000 + (boots.shift() ?? 0),
    bootId: () => 'b',
    after: () => () => {},
  };
}

describe('steadyWall', () => {
  it("is the journal's value while the clocks tremble", () => {
    for (const tremble of [-90, -10, 0, 10, 90])
      assert.equal(steadyWall(clock(0, [tremble]), deadline), 1_000_000);
  });

  it('is not misled by a reading that was interrupted', () => {
    assert.equal(steadyWall(clock(0, [2000, 400, 0]), deadline), 1_000_000);
  });

  it('follows the wall clock when it is stepped, either way', () => {
    assert.equal(steadyWall(clock(3_600_000), deadline), 4_600_000);
    assert.equal(steadyWall(clock(-5000, [300, 0, 0]), deadline), 995_000);
  });
});
