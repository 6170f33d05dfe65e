import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { results, summarize } from '../../bench/stats.ts';

describe('summarize', () => {
  it('gives percentiles by nearest rank, whatever the order', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    assert.deepEqual(summarize(values), { n: 100, p50: 50, p90: 90, p99: 99, max: 100 });
  });

  it('gives the one value for every percentile', () => {
    assert.deepEqual(summarize([7]), { n: 1, p50: 7, p90: 7, p99: 7, max: 7 });
  });

  it('gives no numbers for no values', () => {
    assert.deepEqual(summarize([]), {
      n: 0,
      p50: Number.NaN,
      p90: Number.NaN,
      p99: Number.NaN,
      max: Number.NaN,
    });
  });
});

describe('results', () => {
  const floor = { name: 'floor', what: 'the least', values: [2, 2, 2] };

  it('compares medians with the floor’s', () => {
    const [result] = results([{ name: 'a', what: 'a', values: [9, 10, 11], floor: 'floor' }, floor]);
    assert.equal(result?.floor, 2);
    assert.equal(result?.ratio, 5);
    assert.equal(result?.met, undefined);
  });

  it('holds the 99th percentile, not the median, against the aim', () => {
    const [met, missed] = results([
      { name: 'a', what: 'a', values: [1, 1, 19], aim: 20 },
      { name: 'b', what: 'b', values: [1, 1, 20], aim: 20 },
    ]);
    assert.deepEqual([met?.met, missed?.met], [true, false]);
  });
});
