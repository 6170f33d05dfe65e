import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Manifest, ObjectKind, ObjectRecord, Owner } from '../../src/core/kinds.ts';
import { createLog } from '../../src/core/log.ts';
import { holdResult, leftOf, setHold } from '../../src/daemon/hold.ts';
import { openHaltFile } from '../../src/journal/halt-file.ts';
import { IN_MEMORY, type Journal, openJournal } from '../../src/journal/journal.ts';
import { acceptObject } from '../../src/reconcile/objects.ts';
import { scratch, standing } from '../journal/build.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { declared, NOW, PAUSE, record, run } from '../plan/build.ts';

const dir = scratch();
let files = 0;

/** Two experiments, a and b, and no hold. */
function setup() {
  files += 1;
  const journal = openJournal(IN_MEMORY);
  for (const name of ['a', 'b']) journal.experiments.put(record(declared({}, { name })));
  const halt = openHaltFile(join(dir, `halt-${files}`));
  const deps = { journal, halt, clock: new FakeClock(), log: createLog('silent') };
  const holds = () => journal.experiments.all().map(({ hold }) => hold);
  return { journal, halt, deps, holds };
}

describe('a hold', () => {
  it('of one experiment is remembered for that one', () => {
    const { deps, halt, holds } = setup();
    assert.deepEqual(setHold(deps, 'Experiment/b', 'suspended').experiments, ['b']);
    assert.deepEqual(holds(), [null, 'suspended']);
    assert.deepEqual(setHold(deps, 'Experiment/a', 'halted').experiments, ['a']);
    assert.deepEqual(holds(), ['halted', 'suspended']);
    assert.equal(halt.read(), false);
    setHold(deps, 'Experiment/b', null);
    assert.deepEqual(holds(), ['halted', null]);
  });

  it('of all is the halt file, and concerns every experiment', () => {
    const { deps, halt, holds } = setup();
    assert.deepEqual(setHold(deps, 'all', 'halted').experiments, ['a', 'b']);
    assert.equal(halt.read(), true);
    assert.deepEqual(holds(), [null, null]);
  });

  it('of all is set before the journal is asked for anything', () => {
    const { deps, halt, journal } = setup();
    const broken = {
      ...journal,
      experiments: { ...journal.experiments, all: () => assert.fail('disk I/O error') },
    };
    assert.throws(() => setHold({ ...deps, journal: broken }, 'all', 'halted'), /disk I\/O error/);
    assert.equal(halt.read(), true);
  });

  it('of all needs no write to the journal', () => {
    const { deps, halt, journal } = setup();
    const full = {
      ...journal,
      transaction: () => assert.fail('database or disk is full'),
      events: { ...journal.events, add: () => assert.fail('database or disk is full') },
    };
    assert.deepEqual(setHold({ ...deps, journal: full }, 'all', 'halted').experiments, ['a', 'b']);
    assert.equal(halt.read(), true);
  });

  it('that is lifted for all is lifted for each', () => {
    const { deps, halt, holds } = setup();
    setHold(deps, 'Experiment/a', 'halted');
    setHold(deps, 'all', 'halted');
    assert.deepEqual(setHold(deps, 'all', null).experiments, ['a', 'b']);
    assert.equal(halt.read(), false);
    assert.deepEqual(holds(), [null, null]);
  });

  it('of an unknown experiment holds nothing', () => {
    const { deps, halt } = setup();
    assert.deepEqual(setHold(deps, 'Experiment/nobody', 'halted').experiments, []);
    assert.equal(halt.read(), false);
  });

  it('is told as an event', () => {
    const { deps, journal } = setup();
    setHold(deps, 'all', 'halted');
    setHold(deps, 'Experiment/a', 'suspended');
    setHold(deps, 'Experiment/a', null);
    const told = journal.events
      .list()
      .map(({ experiment, reason, message }) => [experiment, reason, message]);
    assert.deepEqual(told, [
      [null, 'Halted', 'all experiments, by a person'],
      ['a', 'Suspended', 'by a person'],
      ['a', 'Resumed', 'by a person'],
    ]);
  });
});

/** An experiment that the owner started, which runs still or has ended. */
function ownedBy(journal: Journal, kind: Owner['kind'], owner: string, name: string, over = false): void {
  const runId = `${name}-1`;
  const base = record(declared({}, { name }), { runId, owner: { kind, name: owner, uid: `uid-${owner}` } });
  journal.experiments.put(base);
  journal.runs.put(run([PAUSE], [], { id: runId, experiment: name, endedAt: over ? NOW : null }));
}

function object(kind: 'Schedule' | 'Scenario' | 'Policy', name: string): ObjectRecord {
  const manifest = {
    kind,
    name,
    labels: {},
    spec: {},
    specHash: '',
    source: { file: 'x', line: 1, column: 1 },
  };
  return acceptObject(undefined, manifest as unknown as Manifest<ObjectKind>, NOW);
}

/** A schedule that started an experiment, one that is over, and a scenario with an experiment; a Policy; and a copy of `a`. */
function withObjects() {
  const base = setup();
  const { journal } = base;
  const objects = [
    object('Schedule', 'nightly'),
    object('Scenario', 'day'),
    object('Scenario', 'nightly-2'),
    object('Policy', 'default'),
  ];
  for (const one of objects) journal.objects.put(one);
  ownedBy(journal, 'Schedule', 'nightly', 'nightly-1');
  ownedBy(journal, 'Schedule', 'nightly', 'nightly-0', true);
  ownedBy(journal, 'Scenario', 'nightly-2', 'nightly-2-1-1');
  ownedBy(journal, 'Scenario', 'day', 'day-1-1');
  journal.spawned.add({
    kind: 'Scenario',
    name: 'nightly-2',
    owner: { kind: 'Schedule', name: 'nightly', uid: 'uid-nightly' },
    copyOf: 'day',
    spec: { steps: [] },
    labels: {},
    source: { file: 'x', line: 1, column: 1 },
    slot: 2000,
    createdAt: NOW,
  });
  journal.experiments.put(record(declared({}, { name: 'copy' }), { copyOf: 'a' }));
  const holdOf = (kind: ObjectKind, name: string) => journal.objects.get(kind, name)?.hold;
  return { ...base, holdOf };
}

describe('a hold of another kind', () => {
  it('of a schedule reaches what it has started, and what that has started', () => {
    const { deps, holds, holdOf } = withObjects();
    const { told, ...concerned } = setHold(deps, 'Schedule/nightly', 'halted');
    assert.deepEqual(concerned, {
      experiments: ['nightly-0', 'nightly-1', 'nightly-2-1-1'],
      schedules: ['nightly'],
      scenarios: ['nightly-2'],
    });
    assert.deepEqual(told, ['nightly-1', 'nightly-2-1-1']);
    assert.equal(holdOf('Schedule', 'nightly'), 'halted');
    assert.equal(holdOf('Scenario', 'nightly-2'), null, 'it inherits');
    assert.ok(holds().every((hold) => hold === null));
  });

  it('of a scenario reaches what a schedule started of it', () => {
    const { deps } = withObjects();
    const { scenarios, experiments } = setHold(deps, 'Scenario/day', 'suspended');
    assert.deepEqual(
      [scenarios, experiments],
      [
        ['day', 'nightly-2'],
        ['day-1-1', 'nightly-2-1-1'],
      ],
    );
  });

  it('of an experiment reaches its copies', () => {
    const { deps } = withObjects();
    assert.deepEqual(setHold(deps, 'Experiment/a', 'halted').experiments, ['a', 'copy']);
  });

  it('of everything suspends each that a person can hold, and loosens no halt', () => {
    const { deps, halt, journal, holdOf } = withObjects();
    setHold(deps, 'Experiment/a', 'halted');
    const { schedules, scenarios } = setHold(deps, 'all', 'suspended');
    assert.deepEqual([schedules, scenarios], [['nightly'], ['day', 'nightly-2']]);
    assert.equal(halt.read(), false, 'what is added later runs');
    assert.equal(journal.experiments.get('a')?.hold, 'halted');
    assert.equal(journal.experiments.get('b')?.hold, 'suspended');
    assert.deepEqual([holdOf('Schedule', 'nightly'), holdOf('Scenario', 'day')], ['suspended', 'suspended']);
    assert.equal(holdOf('Policy', 'default'), null);
    setHold(deps, 'all', null);
    assert.equal(journal.experiments.get('a')?.hold, null);
    assert.deepEqual([holdOf('Schedule', 'nightly'), holdOf('Scenario', 'day')], [null, null]);
  });

  it('is told as an event about the object', () => {
    const { deps, journal } = withObjects();
    setHold(deps, 'Schedule/nightly', 'suspended');
    setHold(deps, 'Scenario/day', 'halted');
    setHold(deps, 'Schedule/nightly', null);
    assert.deepEqual(
      journal.events.list().map(({ experiment, object: about, reason }) => [experiment, about, reason]),
      [
        [null, 'Schedule/nightly', 'Suspended'],
        [null, 'Scenario/day', 'Halted'],
        [null, 'Schedule/nightly', 'Resumed'],
      ],
    );
  });

  it('names no experiment that it does not end, or did not hold', () => {
    const { deps } = withObjects();
    const suspended = setHold(deps, 'Schedule/nightly', 'suspended');
    assert.deepEqual(holdResult('Schedule/nightly', 'suspended', suspended, []), {
      experiments: [],
      schedules: ['nightly'],
      scenarios: ['nightly-2'],
      left: [],
    });
    assert.deepEqual(setHold(deps, 'Schedule/nightly', null).told, []);
    setHold(deps, 'Schedule/nightly', 'halted');
    assert.deepEqual(setHold(deps, 'Schedule/nightly', null).told, ['nightly-1', 'nightly-2-1-1']);
  });
});

describe('what is left after a halt', () => {
  it('is what is still in the world of these experiments', () => {
    const { journal } = setup();
    standing(journal, { runId: 'a-1', experiment: 'a' });
    standing(journal, { runId: 'b-1', experiment: 'b' });
    assert.deepEqual(leftOf(journal, ['a']), [
      { target: 'web-0', fault: 'container-pause', error: 'still injected' },
    ]);
  });

  it('of all is that of a forgotten experiment too', () => {
    const { journal } = setup();
    standing(journal, { runId: 'gone-1', experiment: 'gone' });
    assert.equal(leftOf(journal, undefined).length, 1);
  });

  it('has the reason where it is known', () => {
    const { journal } = setup();
    const effect = standing(journal, { runId: 'a-1', experiment: 'a' });
    journal.effects.failed(effect, 'it hangs');
    assert.equal(leftOf(journal, ['a'])[0]?.error, 'it hangs');
  });
});
