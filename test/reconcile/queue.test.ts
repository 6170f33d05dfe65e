import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createQueue } from '../../src/reconcile/queue.ts';
import { FakeClock } from '../lab/fake-clock.ts';

/** A queue whose work the test ends when it likes. */
function scripted(workers = 2) {
  const clock = new FakeClock();
  const started: string[] = [];
  const busy = new Map<string, () => void>();
  let most = 0;
  const queue = createQueue({
    clock,
    workers,
    work: (key) => {
      assert.ok(!busy.has(key), `${key} is worked on twice at once`);
      started.push(key);
      return new Promise<void>((resolve) => {
        busy.set(key, resolve);
        most = Math.max(most, busy.size);
      });
    },
  });
  const finish = async (key: string) => {
    const resolve = busy.get(key);
    assert.ok(resolve, `${key} is not worked on`);
    busy.delete(key);
    resolve();
    await turn();
  };
  return { clock, queue, busy, finish, told: () => started.splice(0), most: () => most };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('the work queue', () => {
  it('works on keys in the order they came, so many at once', async () => {
    const { queue, told, finish } = scripted(2);
    for (const key of ['a', 'b', 'c', 'd']) queue.add(key);
    assert.deepEqual(told(), ['a', 'b']);
    assert.equal(queue.depth(), 4);
    await finish('b');
    assert.deepEqual(told(), ['c']);
    await finish('a');
    assert.deepEqual(told(), ['d']);
  });

  it('collapses a key that waits already', async () => {
    const { queue, told, finish } = scripted(1);
    queue.add('busy');
    for (let times = 0; times < 5; times += 1) queue.add('a');
    assert.equal(queue.depth(), 2);
    await finish('busy');
    await finish('a');
    assert.deepEqual(told(), ['busy', 'a']);
    assert.equal(queue.depth(), 0);
  });

  it('works on a key once more when it was added meanwhile, however often, and not at once', async () => {
    const { queue, told, finish } = scripted(2);
    queue.add('a');
    queue.add('a');
    queue.add('a');
    assert.deepEqual(told(), ['a']);
    await finish('a');
    assert.deepEqual(told(), ['a']);
    await finish('a');
    assert.deepEqual(told(), []);
  });

  it('lets others pass before a key that is added again', async () => {
    const { queue, told, finish } = scripted(1);
    queue.add('a');
    queue.add('b');
    queue.add('a');
    await finish('a');
    await finish('b');
    assert.deepEqual(told(), ['a', 'b', 'a']);
  });

  it('goes on when a key adds itself while it is worked on', async () => {
    let passes = 0;
    const queue = createQueue({
      clock: new FakeClock(),
      workers: 1,
      work: async (key) => {
        passes += 1;
        if (passes < 5) queue.add(key);
      },
    });
    queue.add('a');
    await queue.idle();
    assert.equal(passes, 5);
  });
});

describe('a delayed key', () => {
  it('comes when its time has come', () => {
    const { clock, queue, told } = scripted();
    queue.addAfter('a', 100);
    clock.advance(99);
    assert.deepEqual(told(), []);
    clock.advance(1);
    assert.deepEqual(told(), ['a']);
  });

  it('comes at the earlier of two times, once, whichever was given first', () => {
    for (const times of [
      [100, 50],
      [50, 100],
    ]) {
      const { clock, queue, told } = scripted();
      for (const ms of times) queue.addAfter('a', ms);
      clock.advance(50);
      assert.deepEqual(told(), ['a']);
      clock.advance(500);
      assert.deepEqual(told(), []);
      assert.equal(queue.depth(), 1, 'it is worked on still, and does not wait');
    }
  });

  it('can be delayed anew after it came', async () => {
    const { clock, queue, told, finish } = scripted();
    queue.addAfter('a', 10);
    clock.advance(10);
    await finish('a');
    queue.addAfter('a', 20);
    clock.advance(20);
    assert.deepEqual(told(), ['a', 'a']);
  });

  it('is not kept from coming by a later time that passed while the machine was suspended', () => {
    const { clock, queue, told } = scripted();
    queue.addAfter('a', 300_000);
    clock.advance(1000);
    clock.suspend(3_600_000);
    queue.addAfter('a', 1000);
    clock.advance(0);
    assert.deepEqual(told(), ['a'], 'it is due already');
  });

  it('is not kept from coming earlier by a step of the wall clock', () => {
    const { clock, queue, told } = scripted();
    queue.addAfter('a', 300_000);
    clock.step(3_600_000);
    queue.addAfter('a', 10);
    clock.advance(10);
    assert.deepEqual(told(), ['a']);
  });

  it('does not hinder the same key without a delay', () => {
    const { queue, told } = scripted();
    queue.addAfter('a', 1000);
    queue.add('a');
    assert.deepEqual(told(), ['a']);
  });

  it('does not count as work: idle does not wait for it', async () => {
    const { queue } = scripted();
    queue.addAfter('a', 1000);
    assert.equal(queue.depth(), 0);
    await queue.idle();
  });
});

describe('idle', () => {
  it('waits for what is worked on and what waits', async () => {
    const { queue, finish } = scripted(1);
    queue.add('a');
    queue.add('b');
    let idle = false;
    const waited = queue.idle().then(() => {
      idle = true;
    });
    await finish('a');
    assert.equal(idle, false);
    await finish('b');
    await waited;
  });
});

describe('drain', () => {
  it('ends what is worked on, drops what waits, and takes nothing more', async () => {
    const { clock, queue, told, finish } = scripted(1);
    for (const key of ['a', 'b']) queue.add(key);
    queue.add('a');
    queue.addAfter('c', 10);
    const drained = queue.drain();
    queue.add('d');
    queue.addAfter('e', 1);
    clock.advance(1000);
    assert.equal(clock.pending, 0);
    await finish('a');
    await drained;
    assert.deepEqual(told(), ['a']);
    assert.equal(queue.depth(), 0);
  });

  it('of an idle queue is done', async () => {
    await scripted().queue.drain();
  });
});

describe('over any interleaving', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd');
  const step = fc.oneof(
    key.map((name) => ({ kind: 'add', name, ms: 0 })),
    fc.tuple(key, fc.nat(50)).map(([name, ms]) => ({ kind: 'addAfter', name, ms })),
    key.map((name) => ({ kind: 'finish', name, ms: 0 })),
    fc.nat(60).map((ms) => ({ kind: 'advance', name: '', ms })),
  );

  it('no key is worked on twice at once, no more at once than there are workers, and none is lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 3 }),
        async (steps, workers) => {
          const { clock, queue, busy, finish, told, most } = scripted(workers);
          /** Keys that were added, and not taken up since. */
          const owed = new Set<string>();
          const note = () => {
            for (const taken of told()) owed.delete(taken);
          };
          for (const { kind, name, ms } of steps) {
            if (kind === 'add') {
              owed.add(name);
              queue.add(name);
            } else if (kind === 'addAfter') queue.addAfter(name, ms);
            else if (kind === 'advance') clock.advance(ms);
            else if (busy.has(name)) await finish(name);
            note();
          }
          clock.advance(1000);
          while (busy.size > 0) {
            await finish([...busy.keys()][0] as string);
            note();
          }
          assert.deepEqual([...owed], []);
          assert.ok(most() <= workers);
          assert.equal(queue.depth(), 0);
          await queue.idle();
        },
      ),
      { numRuns: 100 },
    );
  });
});
