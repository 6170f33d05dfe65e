import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { diffFields } from '../../../src/cli/check/spec-diff.ts';
import { type Json, sameJson } from '../../../src/core/canonical.ts';

const diff = (before: Json, after: Json) => diffFields(before, after, ['spec']);

describe('what differs between two specs', () => {
  it('is nothing where they are equal, whatever the order of their keys', () => {
    assert.deepEqual(diff({ a: 1, b: { c: [1, 2] } }, { b: { c: [1, 2] }, a: 1 }), []);
  });

  it('is told field by field, with the old and the new value', () => {
    const before = { duration: '60s', targets: { mode: 'all', seed: 7 }, faults: ['x'] };
    const after = { duration: '90s', targets: { mode: { count: 2 } }, blastRadius: { maxTargets: 1 } };
    assert.deepEqual(diff(before, after), [
      { path: 'spec.duration', from: '60s', to: '90s' },
      { path: 'spec.targets.mode', from: 'all', to: { count: 2 } },
      { path: 'spec.targets.seed', from: 7 },
      { path: 'spec.faults', from: ['x'] },
      { path: 'spec.blastRadius', to: { maxTargets: 1 } },
    ]);
  });

  it('takes a list of texts as one value', () => {
    assert.deepEqual(diff({ s: ['a'] }, { s: ['a', 'b'] }), [
      { path: 'spec.s', from: ['a'], to: ['a', 'b'] },
    ]);
  });

  it('compares the objects of a list, and tells an inserted one alone', () => {
    const [a, b, c] = [{ type: 'a' }, { type: 'b' }, { type: 'c', delay: '1s' }];
    assert.deepEqual(diff([a, c], [a, b, c]), [{ path: 'spec[1]', to: b }]);
    assert.deepEqual(diff([a, b, c], [b, c]), [{ path: 'spec[0]', from: a }]);
    assert.deepEqual(diff([a, c], [a, { ...c, delay: '2s' }]), [
      { path: 'spec[1].delay', from: '1s', to: '2s' },
    ]);
    assert.deepEqual(diff([a], [b, c]), [
      { path: 'spec[0]', from: a },
      { path: 'spec[0]', to: b },
      { path: 'spec[1]', to: c },
    ]);
  });

  it('quotes keys, and knows no inherited ones', () => {
    assert.deepEqual(diff({ 'a.b/c': 1 }, JSON.parse('{"a.b/c":1,"__proto__":2}')), [
      { path: 'spec.__proto__', to: 2 },
    ]);
    assert.deepEqual(diff({ 'a.b/c': 1 }, { 'a.b/c': 2 }), [{ path: 'spec["a.b/c"]', from: 1, to: 2 }]);
  });

  it('is empty exactly where both are the same', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        assert.equal(diff(a as Json, b as Json).length === 0, sameJson(a, b));
      }),
    );
  });
});
