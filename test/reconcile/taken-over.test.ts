import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ObjectRecord, Spawned } from '../../src/core/kinds.ts';
import type { ObjectHandler } from '../../src/reconcile/objects.ts';
import { wanted } from '../../src/reconcile/wanted.ts';
import { record } from '../cli/fixture.ts';
import { EXPERIMENT, manifestOf, type ObjectWorld, openObjectWorld } from './object-world.ts';

const idle: ObjectHandler<'Schedule'> = { kind: 'Schedule', pass: (_, one) => ({ record: one }) };
const scenarios: ObjectHandler<'Scenario'> = { kind: 'Scenario', pass: (_, one) => ({ record: one }) };

describe('a name that an owner made and a file took over', () => {
  let world: ObjectWorld;
  beforeEach(async () => {
    world = openObjectWorld([idle, scenarios] as unknown as ObjectHandler<never>[]);
    await world.declare(
      manifestOf('Schedule', 'nightly', { cron: '@daily', experimentRef: { name: 'template' } }),
    );
  });
  afterEach(() => world.close());

  function spawn(kind: Spawned['kind'], spec: Spawned['spec']): Spawned {
    const { name, uid, source } = world.journal.objects.get(
      'Schedule',
      'nightly',
    ) as ObjectRecord<'Schedule'>;
    const owner = { kind: 'Schedule', name, uid } as const;
    const row = { kind, name: 'nightly-1', owner, copyOf: null, spec, labels: {}, source } as const;
    world.journal.spawned.add({ ...row, slot: 0, createdAt: 0 });
    return world.journal.spawned.get(kind, 'nightly-1') as Spawned;
  }

  it('is the owner’s as long as no file has it', () => {
    const { owner } = spawn('Experiment', EXPERIMENT);
    world.journal.experiments.put(record('nightly-1', { owner }));
    assert.equal(wanted(world.deps, 'Experiment', 'nightly-1')?.owner?.name, 'nightly');
  });

  it('is not wanted by the owner again when the file is gone', () => {
    spawn('Experiment', EXPERIMENT);
    world.journal.experiments.put(record('nightly-1', { owner: null }));
    assert.equal(wanted(world.deps, 'Experiment', 'nightly-1'), undefined);
  });

  it('is nobody’s any more where it is a scenario', async () => {
    spawn('Scenario', { steps: [{ wait: '1s' }] });
    await world.declare(manifestOf('Scenario', 'nightly-1', { steps: [{ wait: '2s' }] }));
    assert.deepEqual(world.journal.spawned.all(), []);
    await world.remove('Scenario', 'nightly-1');
    assert.equal(world.journal.objects.get('Scenario', 'nightly-1'), undefined);
  });
});
