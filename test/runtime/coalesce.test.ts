import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createCoalescer } from '../../src/runtime/coalesce.ts';

/** Jobs that end when told to. */
function manual() {
  const begun: { key: string; reason: string; end: PromiseWithResolvers<void> }[] = [];
  const coalescer = createCoalescer((key, reason) => {
    const end = Promise.withResolvers<void>();
    begun.push({ key, reason, end });
    return end.promise;
  });
  return { coalescer, begun };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('jobs by key', () => {
  it('run one at a time, and once more for all that came meanwhile', async () => {
    const { coalescer, begun } = manual();
    const first = coalescer.run('a', 'start');
    const later = [coalescer.run('a', 'pause'), coalescer.run('a', 'die')];
    assert.deepEqual(
      begun.map(({ reason }) => reason),
      ['start'],
    );
    begun[0]?.end.resolve();
    await first;
    await turn();
    assert.deepEqual(
      begun.map(({ reason }) => reason),
      ['start', 'die'],
    );
    begun[1]?.end.resolve();
    await Promise.all(later);
    assert.equal(begun.length, 2);
  });

  it('of different keys run side by side', () => {
    const { coalescer, begun } = manual();
    void coalescer.run('a', 'x');
    void coalescer.run('b', 'x');
    assert.deepEqual(
      begun.map(({ key }) => key),
      ['a', 'b'],
    );
  });

  it('go on after one has failed', async () => {
    const { coalescer, begun } = manual();
    const first = coalescer.run('a', 'one');
    const second = coalescer.run('a', 'two');
    begun[0]?.end.reject(new Error('no'));
    await assert.rejects(first, /no/);
    await turn();
    begun[1]?.end.resolve();
    await second;
    void coalescer.run('a', 'three');
    assert.deepEqual(
      begun.map(({ reason }) => reason),
      ['one', 'two', 'three'],
    );
  });
});
