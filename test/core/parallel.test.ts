import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createTurns, together } from '../../src/core/parallel.ts';

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

describe('turns', () => {
  /** Work that ends when it is told to, and what has begun. */
  function works() {
    const begun: string[] = [];
    const ends = new Map<string, PromiseWithResolvers<string>>();
    const work = (name: string) => {
      const end = Promise.withResolvers<string>();
      ends.set(name, end);
      return () => {
        begun.push(name);
        return end.promise;
      };
    };
    return { begun, work, end: (name: string) => ends.get(name) as PromiseWithResolvers<string> };
  }
  const settled = () => new Promise(setImmediate);

  it('come one after the other for one key, in the order of asking', async () => {
    const inTurn = createTurns<string>();
    const { begun, work, end } = works();
    const all = ['a', 'b', 'c'].map((name) => inTurn('key', work(name)));
    await settled();
    assert.deepEqual(begun, ['a']);
    end('b').resolve('of b');
    await settled();
    assert.deepEqual(begun, ['a'], 'its turn has not come');
    end('a').resolve('of a');
    await settled();
    assert.deepEqual(begun, ['a', 'b', 'c']);
    end('c').resolve('of c');
    assert.deepEqual(await Promise.all(all), ['of a', 'of b', 'of c']);
  });

  it('of different keys do not wait for each other', async () => {
    const inTurn = createTurns<number>();
    const { begun, work, end } = works();
    const slow = inTurn(1, work('slow'));
    const quick = inTurn(2, work('quick'));
    end('quick').resolve('done');
    assert.equal(await quick, 'done');
    assert.deepEqual(begun, ['slow', 'quick']);
    end('slow').resolve('done');
    await slow;
  });

  it('go on after one that failed, whose error is for whoever asked for it', async () => {
    const inTurn = createTurns<string>();
    const failed = inTurn('key', () => Promise.reject(new Error('mine')));
    const next = inTurn('key', () => Promise.resolve('well'));
    await assert.rejects(failed, /mine/);
    assert.equal(await next, 'well');
  });

  it('end quietly after one that failed, where nobody comes next', async () => {
    const inTurn = createTurns<string>();
    // A rejection that nobody heard of would fail this test.
    await assert.rejects(
      inTurn('key', () => Promise.reject(new Error('mine'))),
      /mine/,
    );
    await settled();
    assert.equal(await inTurn('key', () => Promise.resolve('well')), 'well');
  });

  it('come at once again after a pause', async () => {
    const inTurn = createTurns<string>();
    await inTurn('key', () => Promise.resolve());
    await settled();
    const { begun, work, end } = works();
    const again = inTurn('key', work('again'));
    await settled();
    assert.deepEqual(begun, ['again']);
    end('again').resolve('done');
    await again;
  });

  it('are asked for within a turn too: such work waits for the turn it was asked in', async () => {
    const inTurn = createTurns<string>();
    const order: string[] = [];
    let inner: Promise<void> | undefined;
    await inTurn('key', async () => {
      inner = inTurn('key', async () => void order.push('inner'));
      await settled();
      order.push('outer');
    });
    await inner;
    assert.deepEqual(order, ['outer', 'inner']);
  });
});
