import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FaultSpec } from '../../src/core/types.ts';
import { BLOCK, containers, declared, KILL, PAUSE } from './build.ts';
import { Model, word } from './model.ts';

const HOUR = 3_600_000;

function running(faults: FaultSpec[] = [PAUSE]): Model {
  const model = new Model(...containers(1, 'web', { restartPolicy: 'always' }));
  model.declare(declared({ faults }));
  model.settle();
  assert.equal(model.phase(), 'Running');
  return model;
}

describe('a stepped wall clock', () => {
  for (const step of [HOUR, -HOUR]) {
    const way = step > 0 ? 'forward' : 'back';

    it(`(${way}) moves no deadline`, () => {
      const model = running();
      model.clock.advance(10_000);
      model.clock.step(step);
      assert.deepEqual(model.settle(), []);
      assert.equal(model.pass().wakeAfter, 50_000);
      model.clock.advance(50_000);
      model.settle();
      assert.equal(model.phase(), 'Completed');
    });

    it(`(${way}) has the kernel told the deadline anew, once`, () => {
      const model = running([BLOCK]);
      model.clock.advance(10_000);
      model.clock.step(step);
      assert.deepEqual(model.settle().map(word), ['inject web-0 deadline']);
      const [effect] = model.journal.effects.live();
      assert.equal(effect?.deadline.wall, model.clock.now() + 50_000);
    });

    it(`(${way}) does not count as time that ran when the duration is edited`, () => {
      const model = running();
      model.clock.advance(10_000);
      model.clock.step(step);
      model.settle();
      model.declare(declared({ duration: '90s' }));
      model.settle();
      assert.equal(model.phase(), 'Running');
      assert.equal(model.pass().wakeAfter, 80_000, 'start and new duration, by the clock that nobody sets');
    });
  }

  it('of less than what /proc/uptime can tell rewrites nothing', () => {
    const model = running([BLOCK]);
    model.clock.step(60);
    assert.deepEqual(model.settle(), []);
  });
});

describe('a reboot', () => {
  it('before the deadline goes on to it by the wall clock, in the restarted targets', () => {
    const model = running();
    model.clock.advance(10_000);
    model.clock.reboot(20_000);
    model.start('web-0');
    assert.deepEqual(model.settle().map(word), ['inject web-0 restarted']);
    assert.equal(model.pass().wakeAfter, 30_000);
    model.clock.advance(30_000);
    model.settle();
    assert.equal(model.phase(), 'Completed');
  });

  it('that lasts beyond the deadline recovers first of all', () => {
    const model = running();
    model.clock.reboot(HOUR);
    model.stop('web-0');
    assert.deepEqual(model.settle().map(word), [
      'end Completed',
      'recover web-0 deadline',
      'finish Completed',
    ]);
  });
});

describe('a daemon that was away', () => {
  it('and comes back before the deadline goes on, on the same targets', () => {
    const model = running();
    model.clock.advance(30_000);
    assert.deepEqual(model.settle(), []);
    assert.equal(model.runs().length, 1);
  });

  it('and comes back after it recovers', () => {
    const model = running();
    model.clock.advance(HOUR);
    model.settle();
    assert.equal(model.phase(), 'Completed');
    assert.deepEqual(model.standing(), []);
  });

  it('in the middle of a recovery ends it as it was to end', () => {
    const model = running();
    const [run] = model.runs();
    assert.ok(run);
    model.journal.runs.put({ ...run, phase: 'Recovering', outcome: 'Aborted', reason: 'BlastRadius' });
    assert.deepEqual(model.settle().map(word), ['recover web-0 ending', 'finish Aborted']);
  });

  it('does not strike twice', () => {
    const model = running([KILL]);
    const [effect] = model.journal.effects.ofRun('exp-1');
    assert.ok(effect);
    const again = { ...effect, runId: 'exp-1', at: model.clock.now() };
    model.journal.effects.intend(again); // the intent is durable; the crash came before the mark
    model.start('web-0');
    assert.deepEqual(model.settle().map(word), ['adopt web-0', 'recover web-0 target-started']);
  });
});

describe('time', () => {
  it('goes on where the wall clock is not whole', () => {
    const model = running();
    model.clock.advance(59_999.5);
    assert.deepEqual(model.settle(), []);
    assert.equal(Math.round((model.pass().wakeAfter ?? 0) * 10), 5);
  });
});
