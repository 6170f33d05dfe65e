import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MOST_CORRELATION, thresholdFor } from '../../../src/faults/shape/correlation.ts';

const WHOLE = 2 ** 32;

/** The share of numbers up to `threshold` that the kernel's arithmetic brings (net/sched/sch_netem.c, get_crandom). */
function measure(threshold: number, correlation: number, count: number): number {
  const rho = Math.floor(correlation * (WHOLE - 1)) + 1;
  const even = generator();
  let last = even();
  let hits = 0;
  for (let left = count; left > 0; left--) {
    last = Math.floor((even() * (WHOLE - rho) + last * rho) / WHOLE);
    if (last <= threshold * WHOLE) hits++;
  }
  return hits / count;
}

/** Evenly spread 32 bits, the same ones each time (xorshift128, Marsaglia 2003). */
function generator(): () => number {
  let [x, y, z, w] = [123456789, 362436069, 521288629, 88675123];
  return () => {
    const t = x ^ (x << 11);
    [x, y, z] = [y, z, w];
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    return w >>> 0;
  };
}

describe('thresholdFor', () => {
  test('without a correlation is the share', () => {
    for (const share of [0.001, 0.5, 1]) assert.equal(thresholdFor(share, 0), share);
  });

  test('is the half for the half, and all for all, whatever the correlation', () => {
    for (const correlation of [0.05, 0.5, 0.9, MOST_CORRELATION]) {
      assert.ok(Math.abs(thresholdFor(0.5, correlation) - 0.5) < 1e-6);
      assert.equal(thresholdFor(1, correlation), 1);
    }
  });

  test("brings the share out of the kernel's numbers, which the share itself would not", () => {
    for (const correlation of [0.1, 0.25, 0.5, 0.75])
      for (const share of [0.01, 0.05, 0.2, 0.75, 0.99]) {
        const got = measure(thresholdFor(share, correlation), correlation, 400_000);
        const by = 0.05 * Math.min(share, 1 - share);
        assert.ok(Math.abs(got - share) < by + 0.0005, `${share} with ${correlation}: ${got}`);
      }
    assert.ok(measure(0.05, 0.25, 400_000) < 0.003);
  });

  test('grows with the share, down to the smallest', () => {
    const shares = [3e-10, 1e-6, 0.001, 0.3, 0.9, 0.9999999];
    for (const correlation of [0.001, 0.5, 0.9, MOST_CORRELATION]) {
      const thresholds = shares.map((share) => thresholdFor(share, correlation));
      assert.deepEqual(
        thresholds,
        thresholds.toSorted((a, b) => a - b),
      );
      assert.ok(thresholds.every((threshold) => threshold > 0 && threshold < 1));
    }
  });
});
