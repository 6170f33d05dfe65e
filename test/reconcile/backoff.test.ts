import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createBackoff } from '../../src/reconcile/backoff.ts';

/** The first so many waits of one key, with this much of the jitter. */
function waits(count: number, jitter: number): number[] {
  const backoff = createBackoff(() => jitter);
  return Array.from({ length: count }, () => backoff.next('a'));
}

describe('the backoff', () => {
  it('doubles from 100 ms up to 30 s at most', () => {
    assert.deepEqual(waits(11, 1), [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
  });

  it('never waits for less than half of that', () => {
    assert.deepEqual(waits(4, 0), [50, 100, 200, 400]);
  });

  it('stays within its bounds, whatever the jitter and however long it goes on', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (jitter) => {
        const found = waits(100, jitter);
        assert.ok(found.every((ms) => ms >= 50 && ms <= 30_000));
        assert.ok(found.every((ms, index) => index === 0 || ms >= (found[index - 1] as number)));
      }),
    );
  });

  it('spreads those that failed together', () => {
    const backoff = createBackoff();
    const first = new Set(Array.from({ length: 20 }, (_, index) => backoff.next(`${index}`)));
    assert.ok(first.size > 10);
  });

  it('counts each key by itself, and starts small again after a success', () => {
    const backoff = createBackoff(() => 1);
    backoff.next('a');
    assert.deepEqual([backoff.next('a'), backoff.next('b')], [200, 100]);
    backoff.reset('a');
    assert.deepEqual([backoff.next('a'), backoff.next('b')], [100, 200]);
  });
});
