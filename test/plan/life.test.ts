import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Container } from '../../src/core/types.ts';
import { BLOCK, container, containers, declared, effect, idOf, KILL, PAUSE, RESTART, STOP } from './build.ts';
import { Model, describe as word } from './model.ts';

const LOSS = { type: 'network-loss', to: [{ any: true }], percent: 5 };

/** A model with a manifest on two containers, running. */
function running(change: Parameters<typeof declared>[0] = {}, found: Container[] = containers(2)): Model {
  const model = new Model(...found);
  model.declare(declared(change));
  model.settle();
  assert.equal(model.phase(), 'Running');
  return model;
}

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

describe('an edit of a running experiment', () => {
  it('of the duration alone touches no fault; the deadline is start and new duration', () => {
    const model = running();
    model.clock.advance(10_000);
    model.declare(declared({ duration: '90s' }));
    assert.deepEqual(model.settle().map(word), ['edit']);
    const [run] = model.runs();
    assert.equal(run?.generation, 2);
    assert.equal(run?.deadline.boot, model.clock.boot() + 80_000);
    assert.equal(model.pass().wakeAfter, 80_000);
  });

  it('to a duration that has passed already ends it', () => {
    const model = running();
    model.clock.advance(10_000);
    model.declare(declared({ duration: '5s' }));
    assert.deepEqual(model.settle().map(word).slice(0, 4), ['edit', ...ended.slice(0, 3)]);
    assert.deepEqual(model.standing(), []);
    assert.equal(model.phase(), 'Completed');
  });

  it('to a duration that has passed already is not run anew by the new generation', () => {
    const model = running();
    model.clock.advance(10_000);
    model.declare(declared({ duration: '5s' }));
    model.settle();
    assert.equal(model.runs().length, 1);
  });

  it('keeps faults that both versions want, takes out what is gone and puts in what is new', () => {
    const model = running({ faults: [PAUSE, BLOCK] });
    model.declare(declared({ faults: [LOSS, PAUSE] }));
    assert.deepEqual(model.settle().map(word), [
      'edit',
      'inject web-0 new',
      'inject web-1 new',
      'recover web-1 edited',
      'recover web-0 edited',
    ]);
  });

  it('keeps targets that both versions choose', () => {
    const targets = (mode: { count: number }) => ({ targets: { select: { names: ['/^web/'] }, mode } });
    const model = running(targets({ count: 3 }), containers(9));
    const three = model.standing();
    model.declare(declared(targets({ count: 5 })));
    model.settle();
    const five = model.standing();
    assert.ok(three.every((one) => five.includes(one)));
    model.declare(declared(targets({ count: 2 })));
    const recovered = model.settle().filter(({ kind }) => kind === 'recover');
    assert.equal(recovered.length, 3);
    assert.ok(model.standing().every((one) => five.includes(one)));
  });

  it('of the duration alone keeps every target of a share that was drawn', () => {
    const mode = { maxPercent: 100 };
    for (let round = 0; round < 10; round += 1) {
      const targets = { select: { names: [`/^web${round}/`] }, mode };
      const model = running({ targets }, containers(10, `web${round}`));
      const before = model.standing();
      model.declare(declared({ targets, duration: '90s' }));
      model.settle();
      assert.deepEqual(model.standing(), before, 'what both versions want is not touched');
    }
  });

  it('that is refused ends the run, and what is new starts when it is permitted', () => {
    const model = running();
    model.declare(declared({ blastRadius: { maxTargets: 1 } }));
    assert.deepEqual(model.settle().map(word), [
      'end Aborted',
      'recover web-1 denied',
      'recover web-0 denied',
      'finish Aborted',
    ]);
    assert.deepEqual([model.phase(), model.reason()], ['Denied', 'BlastRadius']);
    assert.equal(model.runs()[0]?.phase, 'Aborted');
    model.remove('web-0');
    assert.deepEqual(model.settle().map(word), ['start', 'inject web-1 new']);
  });

  it('that selects nobody ends the run', () => {
    const model = running();
    model.declare(declared({ targets: { select: { names: ['other'] }, mode: 'all' } }));
    model.settle();
    assert.deepEqual([model.phase(), model.reason()], ['Pending', 'NoMatch']);
    assert.deepEqual(model.standing(), []);
  });

  it('never gives a new fault the slot of one that was taken out', () => {
    const model = running({ faults: [PAUSE, BLOCK] });
    for (const faults of [[PAUSE, LOSS], [PAUSE], [PAUSE, BLOCK]]) {
      model.declare(declared({ faults }));
      model.settle();
    }
    assert.deepEqual(
      model.runs()[0]?.faults.map(({ slot }) => slot),
      [0, 3],
    );
  });
});

describe('the world of a running experiment', () => {
  it('that restarts a target gets its fault again', () => {
    const model = running();
    model.stop('web-0');
    assert.deepEqual(model.settle(), []);
    model.start('web-0');
    assert.deepEqual(model.settle().map(word), ['inject web-0 restarted']);
  });

  it('that has a new match gets it too, with mode all', () => {
    const model = running();
    model.put(container('web-9'));
    assert.deepEqual(model.settle().map(word), ['edit', 'inject web-9 matched']);
    assert.equal(model.runs()[0]?.targets.length, 3);
  });

  it('that has a new match over the limit leaves that one alone, and says so', () => {
    const model = running({ blastRadius: { maxTargets: 2 } });
    model.put(container('web-9'));
    assert.deepEqual(model.settle(), []);
    assert.equal(model.phase(), 'Running');
    assert.match(
      model.journal.experiments.get('exp')?.message ?? '',
      /web-9 left alone: 3 containers would be hit/,
    );
  });

  it('that has a protected container enter the network namespace of a target takes the fault out', () => {
    const model = running({ faults: [BLOCK] }, [container('web-0')]);
    model.put(container('side', { protect: true, networkMode: `container:${idOf('web-0')}` }));
    model.settle();
    assert.deepEqual(model.standing(), []);
  });

  it('that lost a target has it recovered, and goes on', () => {
    const model = running();
    model.remove('web-0');
    const actions = model.settle();
    assert.deepEqual(
      actions.map(({ kind }) => kind),
      ['recover'],
    );
    assert.deepEqual(model.standing(), ['web-1 container-pause']);
    assert.equal(model.phase(), 'Running');
  });

  it('that lost every target ends at the deadline all the same', () => {
    const model = running();
    model.remove('web-0');
    model.remove('web-1');
    model.settle();
    model.clock.advance(60_000);
    model.settle();
    assert.equal(model.phase(), 'Completed');
  });

  it('that re-creates a target gets its fault in the new one', () => {
    const model = running();
    model.remove('web-0');
    model.put(container('web-0', { id: 'f'.repeat(64) }));
    const words = model.settle().map(word);
    assert.ok(words.includes('inject web-0 matched'));
    assert.deepEqual(model.standing(), ['web-0 container-pause', 'web-1 container-pause']);
  });

  it('that drifted is repaired once', () => {
    const model = running();
    const [first] = model.journal.effects.live();
    model.observations = new Map([[first?.id ?? 0, 'absent']]);
    assert.deepEqual(model.settle().map(word), ['inject web-0 drift']);
  });
});

describe('acts', () => {
  it('are not struck again by the starts that they cause', () => {
    for (const fault of [KILL, RESTART]) {
      const model = new Model(...containers(2, 'web', { restartPolicy: 'always' }));
      model.declare(declared({ faults: [fault] }));
      const words = model.settle().map(word);
      assert.equal(words.filter((text) => text.startsWith('inject')).length, 2, words.join(', '));
      assert.equal(model.phase(), 'Running');
    }
  });

  it('hold a stopped target down until the deadline, and start it then', () => {
    const model = running({ faults: [STOP] });
    assert.equal(model.container('web-0').state, 'exited');
    model.clock.advance(60_000);
    model.settle();
    assert.equal(model.container('web-0').state, 'running');
  });

  it('end for a stopped target that somebody starts, and only for that one', () => {
    const model = running({ faults: [STOP] });
    model.start('web-0');
    assert.deepEqual(model.settle().map(word), ['recover web-0 target-started']);
    assert.deepEqual(model.standing(), ['web-1 container-stop']);
  });

  it('that are due to strike again wait for the time, not for a target that is down', () => {
    const faults = [{ ...KILL, via: 'engine', every: '10s' }];
    const model = running({ faults }, [container('web-0')]);
    assert.equal(model.pass().wakeAfter, 60_000);
    model.clock.advance(30_000);
    assert.deepEqual(model.settle(), []);
    assert.equal(model.pass().wakeAfter, 30_000, 'its start will tell: no pass before the deadline');
  });

  it('of a target that is gone ask for no more passes', () => {
    const model = running(
      { faults: [{ ...KILL, every: '10s' }] },
      containers(2, 'web', { restartPolicy: 'always' }),
    );
    model.remove('web-0');
    model.remove('web-1');
    model.clock.advance(30_000);
    model.settle();
    assert.equal(model.pass().wakeAfter, 30_000);
  });

  it('that an edit dropped ask for no more passes', () => {
    const faults = [{ ...KILL, every: '10s' }, BLOCK];
    const model = running({ faults }, containers(1, 'web', { restartPolicy: 'always' }));
    model.declare(declared({ faults: [BLOCK] }));
    model.settle();
    model.clock.advance(30_000);
    model.settle();
    assert.equal(model.pass().wakeAfter, 30_000);
  });

  it('with an interval strike as often as it says', () => {
    const found = containers(1, 'web', { restartPolicy: 'always' });
    const model = running({ faults: [{ ...KILL, every: '10s' }] }, found);
    let strikes = 0;
    for (let second = 1; second < 60; second += 1) {
      model.clock.advance(1000);
      strikes += model.settle().filter(({ kind }) => kind === 'inject').length;
    }
    assert.equal(strikes, 5);
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

describe('a recovery that fails', () => {
  it('makes the run Failed, saying which target and why', () => {
    const model = running();
    model.stuck.add('web-0');
    model.clock.advance(60_000);
    assert.equal(model.settle().map(word).at(-1), 'finish Failed');
    assert.deepEqual([model.phase(), model.reason()], ['Failed', 'NotRecovered']);
    assert.equal(model.journal.experiments.get('exp')?.message, 'web-0: stuck');
    assert.deepEqual(model.journal.effects.live().length, 1);
  });

  it('of a fault that an edit dropped comes to rest', () => {
    const model = running({ faults: [PAUSE, BLOCK] });
    model.stuck.add('web-0');
    model.declare(declared({ faults: [PAUSE] }));
    model.settle();
    assert.equal(model.phase(), 'Running');
  });

  it('under a halt comes to rest', () => {
    const model = running();
    model.stuck.add('web-0');
    model.halted = true;
    model.settle();
  });
});

describe('another experiment', () => {
  it('that freezes the same target makes the later one wait for its end', () => {
    const model = running();
    model.declare(declared({}, { name: 'late' }));
    assert.deepEqual(model.settle('late'), []);
    assert.deepEqual([model.phase('late'), model.reason('late')], ['Denied', 'Conflict']);
    assert.match(model.journal.experiments.get('late')?.message ?? '', /of experiment exp:/);
    model.clock.advance(60_000);
    model.settle();
    model.settle('late');
    assert.equal(model.phase('late'), 'Running');
  });

  it('does not meet itself in its own effects', () => {
    const model = running();
    model.declare(declared({ duration: '90s' }));
    model.settle();
    assert.equal(model.phase(), 'Running');
    assert.ok(effect(PAUSE, container('web-0')).experiment === 'exp');
  });
});
