import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ObjectRecord, ScheduleSpec } from '../../src/core/kinds.ts';
import type { ObjectHandler } from '../../src/reconcile/objects.ts';
import { fireByHand } from '../../src/schedule/by-hand.ts';
import { scheduleHandler } from '../../src/schedule/handler.ts';
import { record, run } from '../cli/fixture.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { EXPERIMENT, manifestOf, type ObjectWorld, openObjectWorld } from '../reconcile/object-world.ts';

const NIGHTLY: ScheduleSpec = { cron: '0 2 * * *', experiment: EXPERIMENT };
const TEMPLATE = manifestOf('Experiment', 'template', { ...EXPERIMENT, suspend: true });

describe('what a schedule starts by hand', () => {
  let world: ObjectWorld;
  let clock: FakeClock;
  beforeEach(() => {
    clock = new FakeClock(Date.UTC(2027, 11, 31, 12));
    world = openObjectWorld([scheduleHandler] as unknown as ObjectHandler<never>[], clock);
  });
  afterEach(() => world.close());

  const declare = (spec: ScheduleSpec) => world.declare(manifestOf('Schedule', 'nightly', spec));
  const nightly = () => world.journal.objects.get('Schedule', 'nightly') as ObjectRecord<'Schedule'>;
  const fire = () => fireByHand(world.deps, nightly());
  const names = () => world.journal.spawned.of({ kind: 'Schedule', name: 'nightly' }).map(({ name }) => name);
  async function pass(ms: number): Promise<void> {
    await clock.run(ms);
    world.objects.add('Schedule/nightly');
    await world.objects.idle();
  }

  it('is the same as at its times, at none of them', async () => {
    await declare(NIGHTLY);
    const { kind, name, slot, owner, spec } = fire();
    assert.deepEqual([kind, name, slot, spec.suspend], ['Experiment', 'nightly-manual-1', null, false]);
    assert.deepEqual(owner, { kind: 'Schedule', name: 'nightly', uid: nightly().uid });
    assert.deepEqual(names(), ['nightly-manual-1']);
  });

  it('has a name that was never given, and that nothing else has', async () => {
    await declare(NIGHTLY);
    fire();
    world.journal.spawned.remove('Experiment', 'nightly-manual-1');
    await world.declare(manifestOf('Experiment', 'nightly-manual-2', EXPERIMENT));
    world.journal.experiments.put(record('nightly-manual-3')); // on its way out
    assert.equal(fire().name, 'nightly-manual-4');
  });

  it('is taken back after five seconds where it could not begin, however far the next time is', async () => {
    await declare(NIGHTLY);
    const { name } = fire();
    world.journal.experiments.put(record(name, { phase: 'Denied', message: 'no' }));
    await pass(4900);
    assert.deepEqual(names(), [name]);
    await pass(200);
    assert.deepEqual(names(), []);
  });

  it('stays once it has begun, counts for concurrencyPolicy, and is forgotten as history is', async () => {
    await declare({ ...NIGHTLY, startingDeadline: '1h', historyLimit: 1 });
    const { name, owner } = fire();
    const going = run(name, 1);
    world.journal.runs.put(going);
    world.journal.experiments.put(record(name, { runId: going.id, owner }));
    await pass(14 * 60 * 60_000 + 60_000);
    assert.deepEqual(names(), [name], 'at two it was still running: Forbid');
    world.journal.runs.put({ ...going, endedAt: clock.now() });
    await pass(1000);
    const [, second = ''] = names();
    assert.match(second, /^nightly-\d+$/);
    const over = (experiment: string) => {
      const next = run(experiment, 1, { endedAt: clock.now() });
      world.journal.runs.put(next);
      world.journal.experiments.put(record(experiment, { runId: next.id, owner }));
    };
    over(second);
    await pass(1000);
    assert.deepEqual(names(), [second], 'the older one goes');
    const third = fire().name;
    over(third);
    await pass(1000);
    assert.deepEqual(names(), [third], 'by when each was started');
  });

  it('is refused where what it refers to is not there, or held', async () => {
    await declare({ cron: '0 2 * * *', experimentRef: { name: 'template' } });
    assert.throws(fire, { code: 'SQ502', message: /template is not there/ });
    await world.declare(TEMPLATE);
    world.journal.experiments.put(record('template', { hold: 'suspended' }));
    assert.throws(fire, { code: 'SQ207', hint: 'Lift it with `squall resume template`' });
    world.journal.experiments.put(record('template'));
    assert.equal(fire().copyOf, 'template');
  });
});
