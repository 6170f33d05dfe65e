import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { together } from '../../src/core/parallel.ts';

describe('together', () => {
  it('gives the results in order', async () => {
    const late = Promise.withResolvers<string>();
    const all = together([late.promise, Promise.resolve('b')]);
    late.resolve('a');
    assert.deepEqual(await all, ['a', 'b']);
  });

  it('rejects with the first error in order, once everything has ended', async () => {
    const late = Promise.withResolvers<string>();
    let ended = false;
    const all = together([Promise.reject(new Error('first')), late.promise]).finally(() => {
      ended = true;
    });
    await new Promise(setImmediate);
    assert.equal(ended, false);
    late.reject(new Error('second'));
    await assert.rejects(all, /first/);
  });
});
