import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMemory } from '../../src/runtime/memory.ts';

describe('a memory of answers', () => {
  it('holds each for its lifetime, counted from when it was given last', () => {
    let now = 0;
    const memory = createMemory<string>({ boot: () => now }, { lifetime: 100, size: 10 });
    memory.remember('a', 'one');
    now = 60;
    memory.remember('b', 'two');
    assert.deepEqual([memory.recall('a'), memory.recall('b')], ['one', 'two']);
    now = 100;
    assert.deepEqual([memory.recall('a'), memory.recall('b')], [undefined, 'two']);
    memory.remember('b', 'three');
    now = 199;
    assert.equal(memory.recall('b'), 'three');
  });

  it('lets the oldest go where it is full', () => {
    const memory = createMemory<number>({ boot: () => 0 }, { lifetime: 100, size: 2 });
    for (const [key, value] of [
      ['a', 1],
      ['b', 2],
      ['a', 3],
      ['c', 4],
    ] as const)
      memory.remember(key, value);
    assert.deepEqual(['a', 'b', 'c'].map(memory.recall), [3, undefined, 4]);
  });

  it('forgets what begins alike', () => {
    const memory = createMemory<number>({ boot: () => 0 }, { lifetime: 100, size: 9 });
    for (const key of ['12 4', '12 6', '123 4']) memory.remember(key, 1);
    memory.forget('12 ');
    assert.deepEqual(['12 4', '12 6', '123 4'].map(memory.recall), [undefined, undefined, 1]);
  });
});
