import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ObjectRecord, ScheduleSpec, Spawned } from '../../src/core/kinds.ts';
import { inheritedHold } from '../../src/reconcile/inherited.ts';
import type { ObjectHandler, ObjectOutcome } from '../../src/reconcile/objects.ts';
import { policyHandler } from '../../src/reconcile/policy.ts';
import { wanted } from '../../src/reconcile/wanted.ts';
import { record } from '../cli/fixture.ts';
import { EXPERIMENT, manifestOf, type ObjectWorld, openObjectWorld } from './object-world.ts';

const SPEC: ScheduleSpec = { cron: '@daily', experimentRef: { name: 'template' } };
const NIGHTLY = manifestOf('Schedule', 'nightly', SPEC);

/** A handler of schedules that does what a test says. */
let decide: (record: ObjectRecord<'Schedule'>) => Partial<ObjectOutcome<'Schedule'>>;
const scripted: ObjectHandler<'Schedule'> = {
  kind: 'Schedule',
  pass: (_, record) => ({ record: { ...record, phase: 'Active' }, ...decide(record) }),
};

function spawned(owner: ObjectRecord, name: string, more: Partial<Spawned> = {}): Spawned {
  const { uid, source } = owner;
  return {
    kind: 'Experiment',
    name,
    owner: { kind: 'Schedule', name: owner.name, uid },
    copyOf: null,
    spec: EXPERIMENT,
    labels: {},
    source,
    slot: null,
    createdAt: 0,
    ...more,
  };
}

describe('objects', () => {
  let world: ObjectWorld;
  const nightly = () => world.journal.objects.get('Schedule', 'nightly') as ObjectRecord<'Schedule'>;
  beforeEach(() => {
    decide = () => ({});
    world = openObjectWorld([scripted, policyHandler] as unknown as ObjectHandler<never>[]);
  });
  afterEach(() => world.close());

  it('are remembered, with a generation that rises with the spec', async () => {
    await world.declare(NIGHTLY);
    const first = nightly();
    assert.deepEqual([first.generation, first.phase, first.spec], [1, 'Active', SPEC]);
    await world.declare(manifestOf('Schedule', 'nightly', { ...SPEC, suspend: true }));
    assert.deepEqual([nightly().generation, nightly().spec.suspend], [1, true]);
    await world.declare(manifestOf('Schedule', 'nightly', { ...SPEC, cron: '@hourly' }));
    assert.deepEqual([nightly().generation, nightly().uid], [2, first.uid]);
  });

  it('stay as they were accepted while their manifest is stale or stands twice', async () => {
    await world.declare(NIGHTLY);
    for (const more of [{ stale: 'a.yaml:1:1 is wrong' }, { conflict: 'a.yaml and b.yaml' }]) {
      await world.declare(manifestOf('Schedule', 'nightly', { ...SPEC, cron: '@hourly' }, more));
      assert.equal(nightly().spec.cron, '@daily');
    }
  });

  it('are not written again where nothing changed', async () => {
    await world.declare(NIGHTLY);
    const { updatedAt } = nightly();
    world.clock.advance(1000);
    world.objects.addAll();
    await world.objects.idle();
    assert.equal(nightly().updatedAt, updatedAt);
  });

  it('hand on what they spawn, which is wanted from then on', async () => {
    decide = (owner) => ({ spawn: [spawned(owner, 'nightly-1', { copyOf: 'template' })] });
    await world.declare(NIGHTLY);
    assert.deepEqual(world.told.experiments, ['nightly-1']);
    const manifest = wanted(world.deps, 'Experiment', 'nightly-1');
    assert.deepEqual(
      [manifest?.copyOf, manifest?.owner?.name, manifest?.spec],
      ['template', 'nightly', EXPERIMENT],
    );
  });

  it('spawn nothing under a name that is taken, and say so', async () => {
    world.journal.experiments.put(record('nightly-1'));
    decide = (owner) => ({ spawn: [spawned(owner, 'nightly-1'), spawned(owner, 'nightly-2')] });
    await world.declare(NIGHTLY);
    assert.deepEqual(world.told.experiments, ['nightly-2']);
    assert.deepEqual(world.events('NameTaken'), [
      'Schedule/nightly: experiment nightly-1 is there already: it is not made again',
    ]);
  });

  it('let go of what they release', async () => {
    decide = (owner) => ({ spawn: [spawned(owner, 'nightly-1')] });
    await world.declare(NIGHTLY);
    decide = () => ({ release: [{ kind: 'Experiment', name: 'nightly-1' }] });
    world.objects.add('Schedule/nightly');
    await world.objects.idle();
    assert.deepEqual(world.told.experiments, ['nightly-1', 'nightly-1']);
    assert.equal(wanted(world.deps, 'Experiment', 'nightly-1'), undefined);
  });

  it('that are gone take what they own with them', async () => {
    decide = (owner) => ({ spawn: [spawned(owner, 'nightly-1')] });
    await world.declare(NIGHTLY);
    decide = () => ({});
    await world.remove('Schedule', 'nightly');
    assert.equal(nightly(), undefined);
    assert.deepEqual(world.journal.spawned.all(), []);
    assert.deepEqual(world.told.experiments, ['nightly-1', 'nightly-1']);
    assert.deepEqual(world.events('Deleted'), ['Schedule/nightly: the manifest is gone: ends nightly-1']);
  });

  it('that came again own nothing of those before', async () => {
    await world.declare(NIGHTLY);
    const stranger = { ...nightly(), uid: 'another' };
    world.journal.spawned.add(spawned(stranger, 'nightly-1'));
    assert.equal(wanted(world.deps, 'Experiment', 'nightly-1'), undefined);
    world.journal.spawned.add(spawned(nightly(), 'nightly-2'));
    assert.ok(wanted(world.deps, 'Experiment', 'nightly-2'));
  });

  it('keep a hold that a person sets while they are passed over', async () => {
    await world.declare(NIGHTLY);
    decide = (owner) => {
      world.journal.objects.put({ ...owner, hold: 'suspended' });
      return { record: { ...owner, phase: 'Active', message: 'changed' } };
    };
    world.objects.add('Schedule/nightly');
    await world.objects.idle();
    assert.deepEqual([nightly().hold, nightly().message], ['suspended', 'changed']);
  });

  it('write all that a pass decides, or nothing of it', async () => {
    await world.declare(NIGHTLY);
    decide = (owner) => {
      const cyclic = { ...owner, phase: 'Broken', state: {} as { self?: unknown } };
      cyclic.state.self = cyclic;
      return { record: cyclic as never, spawn: [spawned(owner, 'nightly-1')] };
    };
    world.objects.add('Schedule/nightly');
    await world.objects.idle();
    assert.deepEqual([nightly().phase, world.journal.spawned.all()], ['Active', []]);
    decide = (owner) => ({ spawn: [spawned(owner, 'nightly-1')] });
    await world.clock.run(1000);
    assert.deepEqual(world.told.experiments, ['nightly-1'], 'and try again');
  });

  it('are passed over again when the time has come that they asked for', async () => {
    let passes = 0;
    decide = () => {
      passes += 1;
      return { wakeAfter: passes < 3 ? 500 : undefined };
    };
    await world.declare(NIGHTLY);
    await world.clock.run(5000);
    assert.equal(passes, 3);
  });

  it('that are policies and wrong are loud about it, once', async () => {
    const stale = 'a.yaml:5:1 SQ102 spec: wrong; the last good version stands';
    await world.declare(manifestOf('Policy', 'default', { maxTargets: 1 }));
    for (let time = 0; time < 3; time += 1)
      await world.declare(manifestOf('Policy', 'default', { maxTargets: 1 }, { stale }));
    assert.deepEqual(world.events('Stale'), [`Policy/default: ${stale}`]);
    const { phase, spec } = world.journal.objects.get('Policy', 'default') ?? {};
    assert.deepEqual([phase, spec], ['Invalid', { maxTargets: 1 }]);
  });
});

describe('a hold that is inherited', () => {
  let world: ObjectWorld;
  beforeEach(async () => {
    decide = () => ({});
    world = openObjectWorld([scripted] as unknown as ObjectHandler<never>[]);
    await world.declare(NIGHTLY);
  });
  afterEach(() => world.close());
  const nightly = () => world.journal.objects.get('Schedule', 'nightly') as ObjectRecord<'Schedule'>;
  const owned = (copyOf: string | null) => ({
    owner: { kind: 'Schedule' as const, name: 'nightly', uid: nightly().uid },
    copyOf,
  });

  it('comes from the experiment that it is a copy of', () => {
    for (const hold of ['halted', 'suspended'] as const) {
      world.journal.experiments.put(record('template', { hold }));
      assert.deepEqual(inheritedHold(world.deps, owned('template')), { hold, by: 'Experiment/template' });
    }
  });

  it('comes from an owner that is halted, and not from one that is suspended', () => {
    world.journal.objects.put({ ...nightly(), hold: 'suspended' });
    assert.equal(inheritedHold(world.deps, owned(null)), undefined);
    world.journal.objects.put({ ...nightly(), hold: 'halted' });
    assert.deepEqual(inheritedHold(world.deps, owned(null)), { hold: 'halted', by: 'Schedule/nightly' });
  });

  it('comes through a scenario from the schedule that started it', () => {
    const scenario = manifestOf('Scenario', 'nightly-1', { steps: [{ wait: '1s' }] });
    world.journal.spawned.add(spawned(nightly(), 'nightly-1', { kind: 'Scenario', spec: scenario.spec }));
    world.journal.objects.put({
      ...nightly(),
      kind: 'Scenario',
      name: 'nightly-1',
      spec: scenario.spec,
      uid: 's',
    });
    world.journal.objects.put({ ...nightly(), hold: 'halted' });
    const owner = { kind: 'Scenario' as const, name: 'nightly-1', uid: 's' };
    assert.equal(inheritedHold(world.deps, { owner, copyOf: null })?.by, 'Schedule/nightly');
  });

  it('comes from the scenario that an owner is a copy of', () => {
    const { spec } = manifestOf('Scenario', 'day', { steps: [{ wait: '1s' }] });
    const day = { ...nightly(), kind: 'Scenario' as const, name: 'day', spec };
    world.journal.objects.put({ ...day, hold: 'halted' });
    world.journal.spawned.add(spawned(nightly(), 'nightly-1', { kind: 'Scenario', spec, copyOf: 'day' }));
    const owner = { kind: 'Scenario' as const, name: 'nightly-1', uid: 's' };
    assert.deepEqual(inheritedHold(world.deps, { owner, copyOf: null }), {
      hold: 'halted',
      by: 'Scenario/day',
    });
  });
});
