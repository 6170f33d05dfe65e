import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { networkLatency } from '../../src/faults/network-latency.ts';

describe('network-latency', () => {
  test('refuses a jitter of which netem would cut off a part without a word', () => {
    const problems = (jitter: string) =>
      networkLatency.problems?.({ ...networkLatency.example, delay: '1m', jitter });
    assert.deepEqual(problems('2147ms'), []);
    assert.deepEqual(problems('2148ms'), ['jitter: 2148ms is more than netem can do (2147ms)']);
  });
});
