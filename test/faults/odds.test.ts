import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bounds, bursts, chance } from './odds.ts';

describe('bounds of chance', () => {
  test('of a coin tossed ten times, by hand', () => {
    // Not once, or always: 2 of 1,024 ways. Once or less, or nine times or more: 22.
    assert.deepEqual(bounds(10, chance(0.5), 1.9 / 1024), [0, 10]);
    assert.deepEqual(bounds(10, chance(0.5), 2.1 / 1024), [1, 9]);
    assert.deepEqual(bounds(10, chance(0.5), 21.9 / 1024), [1, 9]);
    assert.deepEqual(bounds(10, chance(0.5), 22.1 / 1024), [2, 8]);
  });

  test('of many are some deviations away', () => {
    // 5.33 deviations (10.6) on each side of a normal distribution hold all but 1 in 10^7.
    const [least, most] = bounds(1000, chance(0.13));
    assert.ok(least >= 70 && least <= 80 && most >= 187 && most <= 197, `${least} to ${most}`);
  });

  test('are wider for bursts of the same share', () => {
    const [least, most] = bounds(2000, bursts(0.05, 0.25));
    const plain = bounds(2000, chance(1 / 6));
    assert.ok(least < plain[0] && most > plain[1], `${least} to ${most}, not wider than ${plain}`);
    assert.deepEqual(bounds(3, bursts(1, 1)), [1, 1], 'good, bad, good');
  });

  test('of certainty are certain', () => {
    assert.deepEqual(bounds(50, chance(1)), [50, 50]);
    assert.deepEqual(bounds(50, chance(0)), [0, 0]);
  });
});
