import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { thresholdFor } from '../../../src/faults/shape/correlation.ts';
import { chance, chanceProblems, micros, netem, queueLimit } from '../../../src/faults/shape/netem.ts';

const fault = (parameters: object) => ({ type: 'network-duplicate', ...parameters });

describe('what netem may hold', () => {
  it('is what comes in while a packet waits, at 250,000 packets a second', () => {
    assert.equal(queueLimit(100), 25_000);
    assert.equal(queueLimit(4.001), 1001);
  });

  it("is netem's own default at least, and never so much that a flood takes all memory", () => {
    assert.equal(queueLimit(0), 1000);
    assert.equal(queueLimit(4), 1000);
    assert.equal(queueLimit(2000), 500_000);
    assert.equal(queueLimit(600_000), 500_000);
  });

  it('is with a rate what is on its way and 200 ms of it, in full packets', () => {
    assert.equal(queueLimit(100, 12_000_000), 300);
    assert.equal(queueLimit(0, 1000), 20);
    assert.equal(queueLimit(0, 1e11), 500_000);
  });

  it('is a whole number that grows with the wait and with the rate', () => {
    const ms = fc.double({ min: 0, max: 600_000, noNaN: true });
    const rate = fc.double({ min: 1000, max: 1e11, noNaN: true });
    fc.assert(
      fc.property(ms, ms, rate, rate, (a, b, slow, fast) => {
        for (const limit of [queueLimit(a), queueLimit(a, slow)])
          assert.ok(Number.isInteger(limit) && limit >= 20);
        assert.ok(queueLimit(Math.max(a, b)) >= queueLimit(Math.min(a, b)));
        assert.ok(queueLimit(a, Math.max(slow, fast)) >= queueLimit(a, Math.min(slow, fast)));
      }),
    );
  });
});

describe('a netem qdisc', () => {
  it('has its limit first, its parameters, and a rate where one is given', () => {
    assert.deepEqual(netem(['loss', 'random', '1%', '0%']), {
      args: ['netem', 'limit', '1000', 'loss', 'random', '1%', '0%'],
      handle: 1,
    });
    assert.deepEqual(netem(['delay', '1us'], { holds: 100, handle: 7, rate: 12_000_000 }), {
      args: ['netem', 'limit', '300', 'delay', '1us', 'rate', '12000000bit'],
      handle: 7,
    });
  });
});

describe('durations for tc', () => {
  it('are whole microseconds', () => {
    const written: [string, string][] = [
      ['1us', '1us'],
      ['1500us', '1500us'],
      ['0.1ms', '100us'],
      ['100ms', '100000us'],
      ['1.0004ms', '1000us'],
      ['1m30s', '90000000us'],
      ['10m', '600000000us'],
      ['0s', '0us'],
      ['400ns', '0us'],
    ];
    for (const [text, expected] of written) assert.equal(micros(text), expected, text);
  });

  it('never have an exponent, which tc does not read', () => {
    const parts = fc.tuple(fc.nat(600_000), fc.constantFrom('us', 'ms'));
    fc.assert(fc.property(parts, ([amount, unit]) => assert.match(micros(`${amount}${unit}`), /^\d+us$/)));
  });
});

describe('chances', () => {
  it('are told as they are where no packet depends on the one before', () => {
    assert.deepEqual(chance(fault({ percent: 12.5 })), ['12.5%', '0%']);
    assert.deepEqual(chance(fault({ percent: 100, correlation: 0 })), ['100%', '0%']);
    assert.deepEqual(chance(fault({ share: 3 }), 'share'), ['3%', '0%']);
  });

  it('are told so that the wanted share comes out where they do', () => {
    const [told, correlation] = chance(fault({ percent: 5, correlation: 25 }));
    assert.equal(correlation, '25%');
    assert.ok(Math.abs(Number.parseFloat(told) / 100 - thresholdFor(0.05, 0.25)) < 1e-9);
    assert.ok(Number.parseFloat(told) > 5);
  });

  it('are numbers that tc reads, down to the smallest', () => {
    const least = chance(fault({ percent: 0.000_000_03 }));
    assert.ok(Number.parseFloat(least[0]) > 0);
    for (const percent of [0.000_000_03, 1 / 3, 99.9, 100]) {
      for (const correlation of [0, 25]) {
        const written = chance(fault({ percent, correlation }));
        for (const text of written) assert.match(text, /^\d+(\.\d+)?(e-\d+)?%$/);
        assert.ok(Number.parseFloat(written[0]) <= 100);
      }
    }
  });

  it('that netem counts as nothing are mistakes', () => {
    assert.deepEqual(chanceProblems(fault({ percent: 0.000_000_03 }), ['percent']), []);
    assert.match(
      chanceProblems(fault({ percent: 0.000_000_02 }), ['percent']).join(),
      /^percent: 2e-8 is less/,
    );
    assert.deepEqual(chanceProblems(fault({ percent: 0 }), ['percent']), [], 'nothing is what was asked for');
    assert.deepEqual(chanceProblems(fault({}), ['percent']), []);
  });
});
