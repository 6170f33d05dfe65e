import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ObjectRecord, ScheduleSpec } from '../../src/core/kinds.ts';
import type { Hold } from '../../src/core/types.ts';
import type { ObjectHandler } from '../../src/reconcile/objects.ts';
import { type ScheduleMemory, scheduleHandler } from '../../src/schedule/handler.ts';
import { record, run } from '../cli/fixture.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { EXPERIMENT, manifestOf, type ObjectWorld, openObjectWorld } from '../reconcile/object-world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = Date.UTC(2027, 11, 31, 12);

const NIGHTLY: ScheduleSpec = { cron: '0 2 * * *', timeZone: 'Europe/Zurich', experiment: EXPERIMENT };
const PATIENT: ScheduleSpec = { ...NIGHTLY, startingDeadline: '48h' };
const TEMPLATE = manifestOf('Experiment', 'template', { ...EXPERIMENT, suspend: true });

describe('a schedule', () => {
  let world: ObjectWorld;
  let clock: FakeClock;
  beforeEach(() => {
    clock = new FakeClock(START);
    world = openObjectWorld([scheduleHandler] as unknown as ObjectHandler<never>[], clock);
  });
  afterEach(() => world.close());

  const nightly = () => world.journal.objects.get('Schedule', 'nightly') as ObjectRecord<'Schedule'>;
  const memory = () => nightly().state as unknown as ScheduleMemory;
  const declare = (spec: ScheduleSpec = NIGHTLY) => world.declare(manifestOf('Schedule', 'nightly', spec));
  const names = () => world.journal.spawned.of({ kind: 'Schedule', name: 'nightly' }).map(({ name }) => name);
  const hold = async (to: Hold | null) => {
    world.journal.objects.put({ ...nightly(), hold: to });
    await again();
  };
  const again = async () => {
    world.objects.add('Schedule/nightly');
    await world.objects.idle();
  };
  /** Time passes in steps: the resync of a daemon looks at every object meanwhile. */
  async function pass(ms: number, step = 10 * MINUTE): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      await clock.run(Math.min(step, left));
      await again();
    }
  }
  /** What was fired runs, and ends at once. */
  function end(name: string): void {
    const spawned = world.journal.spawned.get('Experiment', name);
    if (!spawned) {
      world.journal.experiments.remove(name);
      return;
    }
    const ended = run(name, 1, { phase: 'Completed', startedAt: clock.now(), endedAt: clock.now() });
    world.journal.runs.put(ended);
    world.journal.experiments.put(
      record(name, { owner: spawned.owner, runId: ended.id, phase: 'Completed' }),
    );
  }

  it('fires each night of a year once, whatever becomes of the daemon, and by the clock on the wall', async () => {
    await declare({ ...NIGHTLY, historyLimit: 3 });
    world.onExperiment = end;
    for (let day = 0; day < 366; day += 1) {
      await pass(13 * HOUR, 13 * HOUR);
      if (day % 7 === 3) world.restart();
      if (day % 30 === 10) {
        clock.reboot(20_000);
        world.restart();
      }
      await pass(11 * HOUR, 11 * HOUR);
    }
    const fired = world.events('Fired').map((text) => /time (\S+)$/.exec(text)?.[1] ?? '');
    assert.equal(new Set(fired).size, fired.length, 'none twice');
    const format = new Intl.DateTimeFormat('sv', {
      timeZone: 'Europe/Zurich',
      dateStyle: 'short',
      timeStyle: 'short',
    });
    const local = fired.map((text) => format.format(Date.parse(text)));
    const dates = local.map((text) => text.slice(0, 10));
    assert.equal(dates.length, 366, 'a leap year has so many nights');
    assert.ok(dates.includes('2028-02-29'));
    const odd = local.filter((text) => !text.endsWith('02:00'));
    assert.deepEqual(odd, ['2028-03-26 03:00'], 'the night without a 02:00 has it right after');
    assert.deepEqual(world.events('Missed'), []);
    assert.ok(names().length <= 4, 'and no more is kept than was asked for');
  });

  it('makes up for nothing from before it was there, nor from another expression', async () => {
    world.onExperiment = end;
    await declare();
    await clock.run(DAY);
    assert.equal(names().length, 1);
    await clock.run(10 * HOUR);
    await declare({ ...NIGHTLY, cron: '0 20 * * *' });
    assert.equal(names().length, 1, 'yesterday’s 20:00 is not made up');
    await clock.run(DAY);
    assert.equal(names().length, 2);
  });

  it('starts late what was missed, within startingDeadline, and only the latest', async () => {
    await declare({ ...NIGHTLY, cron: '0 * * * *', startingDeadline: '30m' });
    await clock.run(10 * MINUTE);
    clock.reboot(3 * HOUR); // it is 15:10 now
    world.restart();
    await again();
    assert.deepEqual(names(), [`nightly-${(START + 3 * HOUR) / 1000}`]);
    assert.match(world.events('Missed').join(), /2 times up to 2027-12-31T14:00:00Z: not started/);
    clock.reboot(HOUR + 25 * MINUTE); // 16:35
    end(names()[0] ?? '');
    world.restart();
    await again();
    assert.equal(names().length, 1, 'what is later than that is missed too');
    assert.match(world.events('Missed').at(-1) ?? '', /2027-12-31T16:00:00Z: not started, 35m late/);
  });

  const HELD: [string, (on: boolean) => Promise<void>, string][] = [
    ['suspended by its manifest', (on) => declare({ ...PATIENT, suspend: on }), 'Suspended'],
    ['suspended by a person', (on) => hold(on ? 'suspended' : null), 'Suspended'],
    ['halted by a person', (on) => hold(on ? 'halted' : null), 'Halted'],
    [
      'halted with everything',
      (on) => {
        world.halted = on;
        return again();
      },
      'Halted',
    ],
  ];
  for (const [what, set, phase] of HELD)
    it(`does not fire while ${what}, nor makes up for it afterwards`, async () => {
      await declare(PATIENT);
      await set(true);
      assert.equal(nightly().phase, phase);
      await pass(DAY, HOUR);
      world.restart();
      await set(false);
      assert.deepEqual([nightly().phase, names()], ['Active', []]);
      await clock.run(DAY);
      assert.equal(names().length, 1);
    });

  it('writes nothing while it waits', async () => {
    await declare();
    for (const suspended of [false, true]) {
      await declare({ ...NIGHTLY, suspend: suspended });
      const { updatedAt } = nightly();
      await pass(HOUR);
      assert.equal(nightly().updatedAt, updatedAt);
    }
  });

  it('knows when it fires next, and what runs', async () => {
    await declare();
    assert.equal(memory().next, Date.UTC(2028, 0, 1, 1));
    await clock.run(DAY);
    assert.deepEqual(memory().active, names());
    end(names()[0] ?? '');
    await again();
    assert.deepEqual(memory().active, []);
  });

  it('takes the template as it is when it fires', async () => {
    await world.declare(TEMPLATE);
    await declare({ cron: '@hourly', experimentRef: { name: 'template' } });
    await world.declare(
      manifestOf('Experiment', 'template', { ...EXPERIMENT, duration: '5m', suspend: true }),
    );
    await clock.run(HOUR);
    const [fired] = world.journal.spawned.all();
    assert.deepEqual(
      [fired?.copyOf, fired?.spec],
      ['template', { ...EXPERIMENT, duration: '5m', suspend: false }],
    );
  });

  const NOT_STARTED: [string, () => Promise<unknown>, RegExp][] = [
    ['is not there', async () => {}, /the experiment template is not there$/],
    [
      'is called a little differently',
      () => world.declare(manifestOf('Experiment', 'templates', EXPERIMENT)),
      /the experiment template is not there: did you mean templates\?$/,
    ],
    [
      'is wrong',
      () => world.declare(manifestOf('Experiment', 'template', EXPERIMENT, { stale: 'a.yaml:1:1 SQ101' })),
      /the experiment template is not right: a\.yaml:1:1 SQ101$/,
    ],
    [
      'is halted by a person',
      async () => {
        await world.declare(TEMPLATE);
        world.journal.experiments.put(record('template', { hold: 'halted' }));
      },
      /the experiment template is halted by a person: `squall resume template` lifts it$/,
    ],
  ];
  for (const [what, prepare, message] of NOT_STARTED)
    it(`misses a time where what it starts ${what}`, async () => {
      await prepare();
      await declare({ cron: '@hourly', experimentRef: { name: 'template' } });
      await clock.run(HOUR);
      assert.deepEqual(names(), []);
      assert.match(world.events('Missed')[0] ?? '', message);
      assert.match(
        await world.deps.metrics.registry.metrics(),
        /squall_schedule_missed_total{schedule="nightly"} 1/,
      );
    });

  it('starts a scenario of its own', async () => {
    await world.declare(manifestOf('Scenario', 'game-day', { steps: [{ wait: '1s' }], suspend: true }));
    await declare({ cron: '@hourly', scenarioRef: { name: 'game-day' } });
    await clock.run(HOUR);
    const [fired] = world.journal.spawned.all();
    assert.deepEqual([fired?.kind, fired?.copyOf, fired?.name], ['Scenario', 'game-day', names()[0]]);
    assert.equal(world.journal.objects.get('Scenario', names()[0] ?? '')?.spec.suspend, false);
  });

  it('gives up what could not start in time, and says why', async () => {
    await declare({ ...NIGHTLY, cron: '@hourly', startingDeadline: '5m' });
    await clock.run(HOUR);
    const [name = ''] = names();
    const owner = world.journal.spawned.get('Experiment', name)?.owner ?? null;
    world.journal.experiments.put(record(name, { owner, phase: 'Denied', message: 'over the limit' }));
    await clock.run(5 * MINUTE);
    assert.deepEqual(names(), [name]);
    await clock.run(1000);
    assert.equal(names().includes(name), false);
    const [told] = world.events('Missed');
    assert.equal(told, `Schedule/nightly: ${name} could not start within startingDeadline: over the limit`);
  });

  it('replaces what runs, and starts the next only when that is over', async () => {
    await declare({ ...NIGHTLY, cron: '@hourly', concurrencyPolicy: 'Replace', startingDeadline: '30m' });
    await clock.run(HOUR);
    const [first = ''] = names();
    const owner = world.journal.spawned.get('Experiment', first)?.owner ?? null;
    const running = run(first, 1);
    world.journal.runs.put(running);
    world.journal.experiments.put(record(first, { owner, runId: running.id, phase: 'Running' }));
    await clock.run(HOUR);
    assert.deepEqual(names(), [], 'it recovers still');
    world.journal.experiments.remove(first);
    await again();
    assert.deepEqual(names(), [`nightly-${(START + 2 * HOUR) / 1000}`]);
    assert.equal(world.events('Replaced').length, 1);
  });

  it('that is wrong now fires no more, and says so once', async () => {
    await declare();
    const broken = manifestOf('Schedule', 'nightly', NIGHTLY, { stale: 'a.yaml:5:1 SQ102 spec.cron: wrong' });
    await world.declare(broken);
    await pass(DAY, HOUR);
    assert.deepEqual([nightly().phase, names()], ['Invalid', []]);
    assert.equal(world.events('Stale').length, 1);
  });

  it('goes on where the wall clock is set back, and fires nothing twice', async () => {
    await declare({ ...NIGHTLY, cron: '@hourly' });
    await clock.run(HOUR + MINUTE);
    end(names()[0] ?? '');
    clock.step(-2 * HOUR);
    await again();
    await pass(3 * HOUR);
    const fired = world.events('Fired');
    assert.deepEqual([fired.length, new Set(fired).size], [2, 2]);
  });

  it('whose edit makes it start another kind of thing still ends and forgets what it started before', async () => {
    const spec: ScheduleSpec = { ...NIGHTLY, concurrencyPolicy: 'Replace', historyLimit: 1 };
    world.onExperiment = (name) => {
      const spawned = world.journal.spawned.get('Experiment', name);
      if (!spawned) return world.journal.experiments.remove(name);
      const active = run(name, 1, { startedAt: clock.now(), endedAt: null });
      world.journal.runs.put(active);
      world.journal.experiments.put(record(name, { owner: spawned.owner, runId: active.id }));
    };
    await declare(spec);
    await pass(DAY);
    const [first] = names();
    assert.equal(world.journal.spawned.all()[0]?.kind, 'Experiment');
    const { experiment: _, ...rest } = spec;
    await world.declare(manifestOf('Scenario', 'day', { suspend: true, steps: [{ wait: '1s' }] }));
    await declare({ ...rest, scenarioRef: { name: 'day' } });
    await pass(DAY);
    assert.ok(!names().includes(first ?? ''), 'it is replaced');
    assert.ok(world.events('Fired').some((message) => message.includes('scenario nightly-')));
  });
});
