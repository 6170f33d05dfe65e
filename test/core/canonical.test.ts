import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { canonical, hash, sameJson } from '../../src/core/canonical.ts';

/** The same value with every object's members in another order. */
function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, shuffled(member)]),
  );
}

describe('canonical', () => {
  it('sorts keys at every depth and drops undefined members', () => {
    const value = { b: [{ d: 1, c: null }], a: undefined, A: 'x' };
    assert.equal(canonical(value), '{"A":"x","b":[{"c":null,"d":1}]}');
  });

  it('keeps the order of lists, and holds the place of what they lack', () => {
    assert.equal(canonical([2, 1]), '[2,1]');
    assert.equal(canonical([undefined, 1]), '[null,1]');
    assert.equal(canonical(undefined), 'null');
  });

  it('is JSON that means the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.deepEqual(JSON.parse(canonical(value)), JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('does not depend on the order of members', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => sameJson(value, shuffled(value))));
  });

  it('tells different values apart', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;
        let equal = true;
        try {
          assert.deepEqual(plain(a), plain(b));
        } catch {
          equal = false;
        }
        assert.equal(sameJson(a, b), equal);
      }),
    );
  });
});

describe('hash', () => {
  it('gives the first digits of SHA-256', () => {
    assert.equal(hash('abc', 8), 'ba7816bf');
    assert.equal(hash('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});
