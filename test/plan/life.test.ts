import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { container, containers, declared, STOP } from './build.ts';
import { Model, running, word } from './model.ts';

const ended = ['end Completed', 'recover web-1 deadline', 'recover web-0 deadline', 'finish Completed'];

describe('a new manifest', () => {
  it('is written as a run, and put on every target, before it counts as injected', () => {
    const model = new Model(...containers(2));
    model.declare(declared());
    assert.deepEqual(model.settle().map(word), ['start', 'inject web-0 new', 'inject web-1 new']);
    assert.equal(model.phase(), 'Running');
    assert.deepEqual(model.standing(), ['web-0 container-pause', 'web-1 container-pause']);
    const [run] = model.runs();
    assert.deepEqual([run?.id, run?.generation, run?.trigger], ['exp-1', 1, 'manifest']);
    assert.equal(run?.deadline.boot, model.clock.boot() + 60_000);
  });

  it('asks for the time of its deadline', () => {
    assert.equal(running().pass().wakeAfter, 60_000);
  });

  it('waits for a container, and starts when there is one', () => {
    const model = new Model();
    model.declare(declared());
    assert.deepEqual(model.settle(), []);
    assert.deepEqual([model.phase(), model.reason()], ['Pending', 'NoMatch']);
    model.put(container('web-0'));
    model.settle();
    assert.deepEqual(model.standing(), ['web-0 container-pause']);
  });

  it('is denied while the guard refuses it, and starts when it does not', () => {
    const model = new Model(...containers(2));
    model.declare(declared({ blastRadius: { maxTargets: 1 } }));
    assert.deepEqual(model.settle(), []);
    assert.deepEqual([model.phase(), model.reason()], ['Denied', 'BlastRadius']);
    model.remove('web-0');
    model.settle();
    assert.deepEqual(model.standing(), ['web-1 container-pause']);
  });

  it('is denied by a fault that refuses one of its targets, and touches none', () => {
    const model = new Model(container('web-0'), container('web-1', { autoRemove: true }));
    model.declare(declared({ faults: [STOP] }));
    assert.deepEqual(model.settle(), []);
    assert.deepEqual([model.phase(), model.reason()], ['Denied', 'FaultRefuses']);
  });

  it('asks for host names before it decides anything', () => {
    const model = new Model(...containers(2));
    model.declare(declared({ faults: [{ type: 'network-block', to: [{ host: 'db.example' }] }] }));
    const { actions, lookups } = model.pass();
    assert.deepEqual(actions, []);
    assert.deepEqual(
      lookups.map(({ container, host }) => `${container.name} ${host}`),
      ['web-0 db.example', 'web-1 db.example'],
    );
  });

  it('chooses once: the run keeps its target whatever comes', () => {
    const mode = 'one';
    const model = running({ targets: { select: { names: ['/^web/'] }, mode } }, containers(3));
    const stands = model.standing();
    assert.equal(stands.length, 1);
    for (const one of containers(5, 'web-late')) model.put(one);
    assert.deepEqual(model.settle(), []);
    assert.deepEqual(model.standing(), stands);
  });
});

describe('a generation', () => {
  it('completes at its deadline, and does not run again', () => {
    const model = running();
    model.clock.advance(59_999);
    assert.deepEqual(model.settle(), []);
    model.clock.advance(1);
    assert.deepEqual(model.settle().map(word), ended);
    assert.equal(model.phase(), 'Completed');
    model.clock.advance(3_600_000);
    assert.deepEqual(model.settle(), []);
    assert.equal(model.runs().length, 1);
  });

  it('does not run again for a rename of its file, new labels, or a suspend that comes and goes', () => {
    const model = running();
    model.clock.advance(60_000);
    model.settle();
    for (const [change, rest] of [
      [{}, { source: { file: 'other.yaml', line: 9, column: 1 } }],
      [{}, { labels: { suite: 'nightly' } }],
      [{ suspend: true }, {}],
      [{ suspend: false }, {}],
    ] as const) {
      model.declare(declared(change, rest));
      assert.deepEqual(model.settle(), []);
    }
    assert.equal(model.phase(), 'Completed');
  });

  it('is not interrupted by a rename of its file', () => {
    const model = running();
    model.declare(declared({}, { source: { file: 'other.yaml', line: 9, column: 1 } }));
    assert.deepEqual(model.settle(), []);
    assert.equal(model.phase(), 'Running');
  });

  it('rises with every edit, so that A, B, A runs A again', () => {
    const model = running();
    model.clock.advance(60_000);
    model.settle();
    for (const duration of ['30s', '60s']) {
      model.declare(declared({ duration }));
      model.settle();
      assert.equal(model.phase(), 'Running');
      model.clock.advance(60_000);
      model.settle();
    }
    assert.deepEqual(
      model.runs().map(({ id, generation }) => [id, generation]),
      [
        ['exp-1', 1],
        ['exp-2', 2],
        ['exp-3', 3],
      ],
    );
  });

  it('that comes while the one before recovers runs after it', () => {
    const model = running();
    model.clock.advance(60_000);
    model.pass();
    assert.equal(model.phase(), 'Recovering');
    model.declare(declared({ duration: '30s' }));
    assert.deepEqual(model.settle().map(word), [
      'finish Completed',
      'start',
      'inject web-0 new',
      'inject web-1 new',
    ]);
  });
});

describe('a delete', () => {
  const removed = ['end Halted', 'recover web-1 deleted', 'recover web-0 deleted', 'finish Halted', 'forget'];

  it('of a running experiment recovers, and ends the object', () => {
    const model = running();
    model.delete();
    assert.deepEqual(model.settle().map(word), removed);
    assert.equal(model.phase(), undefined);
    assert.deepEqual(model.journal.effects.live(), []);
  });

  it('of a completed one only ends the object', () => {
    const model = running();
    model.clock.advance(60_000);
    model.settle();
    model.delete();
    assert.deepEqual(model.settle().map(word), ['forget']);
  });

  it('that has settled makes the same manifest a new object, which runs, under a number of its own', () => {
    const model = running();
    const uid = model.journal.experiments.get('exp')?.uid;
    model.delete();
    model.settle();
    model.declare(declared());
    model.settle();
    assert.equal(model.phase(), 'Running');
    const record = model.journal.experiments.get('exp');
    assert.notEqual(record?.uid, uid);
    assert.deepEqual([record?.generation, record?.runId], [1, 'exp-2']);
  });

  it('that is taken back while it recovers is still one', () => {
    const model = running();
    model.delete();
    model.pass();
    model.declare(declared());
    assert.deepEqual(model.settle().map(word), [
      'finish Halted',
      'forget',
      'start',
      'inject web-0 new',
      'inject web-1 new',
    ]);
  });

  it('while a deadline is recovered does not change how the run ended', () => {
    const model = running();
    model.clock.advance(60_000);
    model.pass();
    model.delete();
    assert.deepEqual(model.settle().map(word), ['finish Completed', 'forget']);
  });

  it('of what was never there does nothing', () => {
    assert.deepEqual(new Model().pass(), {
      actions: [],
      record: undefined,
      lookups: [],
      wakeAfter: undefined,
    });
  });

  it('does not forget an object of which a fault is still in the world', () => {
    const model = running();
    model.stuck.add('web-0');
    model.delete();
    model.settle();
    assert.deepEqual(
      model.journal.effects.live().map(({ target, phase }) => `${target.name} ${phase}`),
      ['web-0 failed'],
    );
    assert.equal(model.phase(), 'Failed');
  });
});
