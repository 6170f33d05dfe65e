import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Declared } from '../../src/core/types.ts';
import { BLOCK, containers, declared, PAUSE, STOP } from './build.ts';
import { Model, word } from './model.ts';

const WEB = ['web-0 container-pause', 'web-1 container-pause'];

function running(manifest: Declared = declared()): Model {
  const model = new Model(...containers(2));
  model.declare(manifest);
  model.settle();
  assert.equal(model.phase(), 'Running');
  return model;
}

const HOLDS: [what: string, phase: string, set: (model: Model) => void, lift: (model: Model) => void][] = [
  ['squall halt --all', 'Halted', (m) => m.halt(true), (m) => m.halt(false)],
  ['squall halt', 'Halted', (m) => m.hold('halted'), (m) => m.hold(null)],
  ['squall suspend', 'Suspended', (m) => m.hold('suspended'), (m) => m.hold(null)],
  ['spec.suspend', 'Suspended', (m) => m.declare(declared({ suspend: true })), (m) => m.declare(declared())],
];

for (const [what, phase, set, lift] of HOLDS)
  describe(what, () => {
    it('recovers what is running, in reverse, and keeps the run', () => {
      const model = running();
      set(model);
      assert.deepEqual(model.settle().map(word), ['recover web-1 held', 'recover web-0 held']);
      assert.equal(model.phase(), phase);
      assert.equal(model.runs()[0]?.endedAt, null);
    });

    it('keeps a new experiment from starting, until it is lifted', () => {
      const model = new Model(...containers(2));
      model.declare(declared());
      if (what === 'squall halt' || what === 'squall suspend') {
        model.declare(declared({ targets: { select: { names: ['nobody'] }, mode: 'all' } }));
        model.settle();
        model.declare(declared());
      }
      set(model);
      assert.deepEqual(model.settle(), []);
      assert.equal(model.phase(), phase);
      lift(model);
      model.settle();
      assert.deepEqual(model.standing(), WEB);
    });

    it('that is lifted before the deadline goes on to the same deadline', () => {
      const model = running();
      const { deadline, id } = model.runs()[0] ?? assert.fail();
      set(model);
      model.settle();
      model.clock.advance(20_000);
      assert.equal(model.pass().wakeAfter, 40_000, 'it is looked at again at the deadline');
      lift(model);
      assert.deepEqual(model.settle().map(word), ['inject web-0 resume', 'inject web-1 resume']);
      assert.deepEqual(model.standing(), WEB);
      const [run, ...others] = model.runs();
      assert.deepEqual([run?.id, run?.deadline, others], [id, deadline, []]);
    });

    it('that is lifted after the deadline injects nothing', () => {
      const model = running();
      set(model);
      model.settle();
      model.clock.advance(60_000);
      lift(model);
      model.settle();
      assert.deepEqual(model.standing(), []);
      assert.equal(model.phase(), 'Completed');
      assert.equal(model.runs().length, 1);
    });

    it('over the deadline ends the run as halted, and nothing runs when it is lifted', () => {
      const model = running();
      set(model);
      model.settle();
      model.clock.advance(60_000);
      assert.deepEqual(model.settle().map(word), ['end Halted', 'finish Halted']);
      assert.equal(model.runs()[0]?.phase, 'Halted');
      lift(model);
      assert.deepEqual(model.settle(), []);
    });

    it('does not stand in the way of a delete', () => {
      const model = running();
      set(model);
      model.settle();
      model.delete();
      assert.equal(model.settle().map(word).at(-1), 'forget');
    });
  });

describe('an edit of a held experiment', () => {
  it('takes effect when the hold is lifted', () => {
    const model = running();
    model.hold('suspended');
    model.settle();
    model.declare(declared({ faults: [PAUSE, BLOCK] }));
    assert.deepEqual(model.settle(), []);
    model.hold(null);
    model.settle();
    assert.equal(model.standing().length, 4);
    assert.equal(model.runs().length, 1);
  });
});

describe('an act under a hold', () => {
  it('is recovered, and the target stays up', () => {
    const model = running(declared({ faults: [STOP] }));
    model.halted = true;
    model.settle();
    assert.equal(model.container('web-0').state, 'running');
  });
});

describe('a template', () => {
  const template = () => declared({ suspend: true });

  it('does not run by itself', () => {
    const model = new Model(...containers(2));
    model.declare(template());
    assert.deepEqual(model.settle(), []);
    assert.equal(model.phase(), 'Suspended');
    const { message } = model.journal.experiments.get('exp') ?? {};
    assert.equal(message, 'spec.suspend is true: `squall run exp` starts it');
  });

  it('runs each time it is asked for', () => {
    const model = new Model(...containers(2));
    model.declare(template());
    model.settle();
    for (const trigger of ['manual', 'schedule/nightly']) {
      model.request(trigger);
      model.settle();
      assert.deepEqual(model.standing(), WEB);
      assert.equal(model.runs().at(-1)?.trigger, trigger);
      model.clock.advance(60_000);
      model.settle();
      assert.equal(model.phase(), 'Suspended');
    }
    assert.equal(model.runs().length, 2);
  });

  it('that waits for a container forgets that it was asked to run', () => {
    const model = new Model();
    model.declare(template());
    model.settle();
    model.request();
    model.settle();
    for (const one of containers(2)) model.put(one);
    assert.deepEqual(model.settle(), []);
  });
});

describe('a run that is asked for', () => {
  it('runs a completed generation once more, with targets of its own', () => {
    const model = running();
    model.clock.advance(60_000);
    model.settle();
    model.request();
    model.settle();
    assert.deepEqual(
      model.runs().map(({ id, generation, trigger }) => [id, generation, trigger]),
      [
        ['exp-1', 1, 'manifest'],
        ['exp-2', 1, 'manual'],
      ],
    );
    model.clock.advance(60_000);
    model.settle();
    assert.equal(model.phase(), 'Completed');
  });

  it('ends when the manifest is suspended while it runs', () => {
    const model = running();
    model.clock.advance(60_000);
    model.settle();
    model.request();
    model.settle();
    model.declare(declared({ suspend: true }));
    model.settle();
    assert.deepEqual(model.standing(), []);
  });

  it('is refused for good under a conflict: the end of the conflict does not start it', () => {
    const model = running();
    model.clock.advance(60_000);
    model.settle();
    model.declare(declared({}, { conflict: 'a.yaml and b.yaml differ' }));
    model.request();
    assert.deepEqual(model.settle(), []);
    model.declare(declared());
    assert.deepEqual(model.settle().map(word), []);
  });
});

describe('a manifest that does not parse any more', () => {
  const stale = (change = {}) => declared(change, { stale: 'exp.yaml:3:1: bad indentation' });

  it('keeps a running experiment to its deadline, loudly', () => {
    const model = running();
    model.declare(stale());
    assert.deepEqual(model.settle(), []);
    assert.equal(model.phase(), 'Running');
    const valid = model.journal.experiments.get('exp')?.conditions.find(({ type }) => type === 'Valid');
    assert.deepEqual(
      [valid?.status, valid?.reason, valid?.message],
      ['False', 'Stale', 'exp.yaml:3:1: bad indentation'],
    );
    model.clock.advance(60_000);
    model.settle();
    assert.equal(model.phase(), 'Completed');
  });

  it('starts nothing', () => {
    const model = new Model(...containers(2));
    model.declare(stale());
    assert.deepEqual(model.settle(), []);
    assert.deepEqual([model.phase(), model.reason()], ['Invalid', 'Stale']);
  });

  it('changes nothing that was accepted', () => {
    const model = running();
    model.declare(stale({ faults: [BLOCK] }));
    assert.deepEqual(model.settle(), []);
    assert.equal(model.journal.experiments.get('exp')?.generation, 1);
  });
});

describe('a name that two files declare differently', () => {
  const conflict = (change = {}) => declared(change, { conflict: 'a.yaml and b.yaml differ' });

  it('starts nothing', () => {
    const model = new Model(...containers(2));
    model.declare(conflict());
    assert.deepEqual(model.settle(), []);
    assert.deepEqual([model.phase(), model.reason()], ['Invalid', 'NameTaken']);
  });

  it('ends nothing that runs, and edits nothing', () => {
    const model = running();
    model.declare(conflict({ faults: [BLOCK] }));
    assert.deepEqual(model.settle(), []);
    assert.deepEqual(model.standing(), WEB);
  });

  it('starts when one of them is gone', () => {
    const model = new Model(...containers(2));
    model.declare(conflict());
    model.settle();
    model.declare(declared());
    model.settle();
    assert.equal(model.phase(), 'Running');
  });
});
