import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { durationMs, formatDuration, parseDuration } from '../../src/core/duration.ts';

const units = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1e3, m: 6e4, h: 3.6e6 };
const unit = fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[]));

describe('parseDuration', () => {
  const known: [string, number][] = [
    ['90s', 90_000],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
    ['0s', 0],
    ['1h1m1s1ms', 3_661_001],
    ['100us', 0.1],
    ['100µs', 0.1],
    ['500000ns', 0.5],
  ];
  for (const [text, ms] of known)
    it(`reads ${text} as ${ms} ms`, () => {
      assert.equal(parseDuration(text), ms);
    });

  for (const text of [
    '',
    ' ',
    '10',
    's',
    '1d',
    '-1s',
    '+1s',
    '1 s',
    '1s ',
    '.5s',
    '1.s',
    '1e3s',
    '1S',
    '1s\n',
    '1m30',
  ])
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.equal(parseDuration(text), undefined);
    });

  it('adds up any parts in any order', () => {
    const part = fc.record({ amount: fc.nat(100_000), unit });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        const text = parts.map((one) => `${one.amount}${one.unit}`).join('');
        const want = parts.reduce((sum, one) => sum + one.amount * units[one.unit], 0);
        const got = parseDuration(text);
        assert.ok(
          got !== undefined && Math.abs(got - want) <= want * 1e-12,
          `${text}: ${got} is not ${want}`,
        );
      }),
    );
  });

  it('answers any text at all with a number or undefined', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const ms = parseDuration(text);
        assert.ok(ms === undefined || (ms >= 0 && !Number.isNaN(ms)));
      }),
    );
  });
});

describe('durationMs', () => {
  it('throws on what the schema should have refused', () => {
    assert.equal(durationMs('2m'), 120_000);
    assert.throws(() => durationMs('soon'), TypeError);
  });
});

describe('formatDuration', () => {
  const known: [number, string][] = [
    [0, '0ms'],
    [850, '850ms'],
    [1000, '1s'],
    [2400, '2.4s'],
    [10_400, '10s'],
    [60_000, '1m'],
    [90_000, '1m30s'],
    [3_600_000, '1h'],
    [7_500_000, '2h5m'],
    [86_400_000, '1d'],
    [273_600_000, '3d4h'],
    [-1500, '-1.5s'],
  ];
  for (const [ms, text] of known)
    it(`writes ${ms} ms as ${text}`, () => {
      assert.equal(formatDuration(ms), text);
    });

  it('stays within one step of its last unit', () => {
    const steps = { d: 3.6e6, h: 6e4, m: 1e3, s: 1e3, ms: 1 };
    fc.assert(
      fc.property(fc.nat(400 * 24 * 3_600_000), (ms) => {
        const text = formatDuration(ms);
        const back = [...text.matchAll(/([\d.]+)(d|h|ms|m|s)/g)].reduce(
          (sum, [, amount, name]) => sum + Number(amount) * (name === 'd' ? 8.64e7 : units[name as 'h']),
          0,
        );
        const [, first] = /([a-z]+)/.exec(text) ?? [];
        assert.ok(Math.abs(back - ms) <= steps[first as 'd'], `${ms} ms became ${text}`);
      }),
    );
  });

  it('writes whole units so that parsing gives them back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 86_399 }), (s) => {
        const exact = s < 3600 ? s : s - (s % 60);
        assert.equal(parseDuration(formatDuration(exact * 1000)), exact * 1000);
      }),
    );
  });
});
