import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLog } from '../../src/core/log.ts';
import type { FaultContext } from '../../src/faults/fault.ts';
import { IN_MEMORY, openJournal } from '../../src/journal/journal.ts';
import { desiredState } from '../../src/manifests/desired.ts';
import { planExperiment } from '../../src/plan/plan.ts';
import { commit } from '../../src/reconcile/commit.ts';
import type { ReconcileDeps } from '../../src/reconcile/deps.ts';
import { gather } from '../../src/reconcile/gather.ts';
import { createMetrics } from '../../src/reconcile/metrics.ts';
import { injectionsOf } from '../../src/reconcile/prepare.ts';
import { standing } from '../journal/build.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { WHOLE_HOST } from '../lab/host.ts';
import { BLOCK, containers, deadline, declared, effect, NOW, PAUSE, record, run } from '../plan/build.ts';

function setup(manifest = declared()) {
  const clock = new FakeClock();
  const journal = openJournal(IN_MEMORY);
  const manifests = new Map([[manifest.name, manifest]]);
  const metrics = createMetrics('0', journal.instance);
  const deps = {
    journal,
    clock,
    log: createLog('silent'),
    claimant: 'daemon:1',
    faults: {} as FaultContext,
    at: () => {},
    metrics,
    manifests: { state: () => desiredState(manifests.values(), []) },
    gate: () => ({ holds: true, message: '' }),
    inventory: { containers: () => containers(2) },
    hosts: { answers: () => new Map() },
    halt: { read: () => false },
    host: WHOLE_HOST,
    foreign: () => [],
    self: new Set(),
  } as unknown as ReconcileDeps;
  const pass = () => {
    const input = gather(deps, 'exp', 'uid');
    const plan = planExperiment(input);
    const prepared = injectionsOf(plan).map((injection) => ({
      injection,
      undo: { for: injection.target.name },
    }));
    return { input, plan, committed: commit(deps, input, plan, prepared) };
  };
  return { clock, journal, manifests, metrics, deps, pass };
}

describe('what a plan decides', () => {
  it('is durable before anything is done: the object, its run, and an intent with its undo for every injection', () => {
    const { journal, pass, clock } = setup();
    const { committed } = pass();
    const record = journal.experiments.get('exp');
    assert.equal(record?.runId, 'exp-1');
    assert.equal(record?.updatedAt, clock.now());
    assert.deepEqual(
      committed.map(({ effect: { target, undo, phase, runId } }) => [target.name, undo, phase, runId]),
      [
        ['web-0', { for: 'web-0' }, 'intended', 'exp-1'],
        ['web-1', { for: 'web-1' }, 'intended', 'exp-1'],
      ],
    );
    assert.deepEqual(
      journal.effects.live(),
      committed.map((one) => one.effect),
    );
  });

  it('has one deadline for the run and all its effects', () => {
    const { journal, pass } = setup(declared({ faults: [PAUSE, BLOCK] }));
    const { committed } = pass();
    const ends = journal.runs.get('exp-1')?.deadline;
    assert.deepEqual(ends, deadline(60_000));
    for (const one of committed) assert.deepEqual(one.effect.deadline, ends);
  });

  it('keeps a halt that another process wrote since the plan was made, and one that it lifted', () => {
    const { journal, deps, pass } = setup();
    pass();
    for (const hold of ['halted', null] as const) {
      const input = gather(deps, 'exp', 'uid');
      const plan = planExperiment(input);
      assert.ok(plan.record);
      journal.experiments.put({ ...(journal.experiments.get('exp') ?? plan.record), hold });
      commit(deps, input, { ...plan, record: { ...plan.record, message: `${hold}` } }, []);
      assert.equal(journal.experiments.get('exp')?.hold, hold);
      assert.equal(journal.experiments.get('exp')?.message, `${hold}`);
    }
  });

  it('is all or nothing', () => {
    const { journal, pass } = setup();
    journal.effects.intend = () => assert.fail('the disk is full');
    assert.throws(pass, /the disk is full/);
    assert.deepEqual([journal.experiments.all(), journal.runs.list(), journal.events.list()], [[], [], []]);
    assert.equal(journal.runs.peekNumber('exp'), 1);
  });

  it('is told as events, once', () => {
    const { journal, pass } = setup();
    pass();
    pass();
    pass();
    const reasons = journal.events.list().map(({ reason, run }) => `${reason} ${run}`);
    assert.deepEqual(reasons, ['Started exp-1']);
  });
});

describe('a refusal', () => {
  it('is counted and told once, however often it is made', async () => {
    const { journal, pass, metrics } = setup(declared({ blastRadius: { maxTargets: 1 } }));
    pass();
    pass();
    const events = journal.events.list().map(({ type, reason }) => `${type} ${reason}`);
    assert.deepEqual(events, ['Warning BlastRadius']);
    const { values } = await metrics.denied.get();
    assert.deepEqual(
      values.map(({ labels, value }) => [labels.reason, value]),
      [['BlastRadius', 1]],
    );
  });
});

describe('an edit', () => {
  it('moves the deadline of the run, and lets no older claim on its effects hold', () => {
    const { journal, manifests, clock, pass } = setup();
    for (const one of pass().committed) assert.ok(journal.effects.injected(one.effect, clock.now()));
    const [before] = journal.effects.live();
    assert.ok(before);
    clock.advance(10_000);
    manifests.set('exp', declared({ duration: '90s' }));
    assert.deepEqual(pass().committed, [], 'nothing is put in anew');
    assert.deepEqual(journal.runs.get('exp-1')?.deadline, deadline(90_000));
    const claim = { claimant: 'sentinel:2', now: clock.now(), boot: clock.boot() };
    assert.equal(journal.effects.claim(before, claim), undefined);
  });
});

describe('what is gathered', () => {
  it('is this experiment’s own run and effects, and those of others apart', () => {
    const { journal, deps, pass } = setup();
    pass();
    const other = standing(journal, { runId: 'late-1', experiment: 'late' });
    const input = gather(deps, 'exp', 'uid');
    assert.deepEqual(
      input.effects.map(({ runId }) => runId),
      ['exp-1', 'exp-1'],
    );
    assert.deepEqual(input.others, [other]);
    assert.deepEqual(gather(deps, 'late', 'uid').effects, [], 'no object, no run');
    assert.deepEqual(input.fresh, { uid: 'uid', runNumber: 2 });
  });

  it('of an experiment whose run is over still has that run', () => {
    const { journal, deps, pass } = setup();
    pass();
    const ended = run([PAUSE], containers(2), { phase: 'Completed', endedAt: NOW });
    journal.runs.put(ended);
    assert.deepEqual(gather(deps, 'exp', '').run, ended);
    assert.equal(effect(PAUSE, containers(1)[0] ?? assert.fail()).runId, ended.id);
  });
});

describe('what an owner made', () => {
  const owner = { kind: 'Schedule', name: 'nightly', uid: 'u' } as const;
  const ended = () => run([PAUSE], containers(2), { phase: 'Completed', endedAt: NOW });

  it('is counted under the name that a person wrote', async () => {
    const { journal, manifests, metrics, pass } = setup();
    pass();
    manifests.clear();
    const there = journal.experiments.get('exp');
    assert.ok(there);
    journal.experiments.put({ ...there, owner });
    for (const one of journal.effects.live()) journal.effects.failed(one, 'x');
    for (let passes = 0; passes < 3; passes += 1) pass();
    const { values } = await metrics.runs.get();
    assert.deepEqual(
      values.map(({ labels }) => labels.experiment),
      ['nightly'],
    );
  });

  it('leaves neither a wish nor a number behind when it is forgotten', () => {
    const { journal, manifests, pass } = setup();
    const source = { file: 'a.yaml', line: 1, column: 1 };
    const row = { kind: 'Experiment', name: 'exp', owner, copyOf: null, labels: {}, source } as const;
    journal.spawned.add({ ...row, spec: declared().spec, slot: 0, createdAt: 0 });
    journal.experiments.put({ ...record(declared()), owner, runId: 'exp-1' });
    journal.runs.takeNumber('exp');
    journal.runs.put(ended());
    manifests.clear();
    pass();
    assert.equal(journal.experiments.get('exp'), undefined);
    assert.deepEqual(journal.spawned.all(), []);
    journal.runs.prune(0);
    journal.events.prune(0);
    journal.runs.prune(0);
    assert.equal(journal.runs.peekNumber('exp'), 1);
  });
});
