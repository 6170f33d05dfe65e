import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ScheduleMemory } from '../../src/schedule/handler.ts';
import { type Daemon, openSite, type Site } from '../lab/daemon.ts';
import { type Lab, type LabContainer, openLab, until } from '../lab/lab.ts';
import { experiment } from '../lab/manifest.ts';

const SECONDS = 1000;

function schedule(name: string, cron: string, spec: object): object {
  return {
    apiVersion: 'squall/v1',
    kind: 'Schedule',
    metadata: { name },
    spec: { cron, historyLimit: 100, ...spec },
  };
}

/** The spec alone, as a schedule holds it. */
function spec(target: LabContainer, duration: string): object {
  const whole = experiment('x', target, [{ type: 'container-pause' }], { duration }) as { spec: object };
  return whole.spec;
}

async function isPaused(target: LabContainer): Promise<boolean> {
  return (await target.inspect()).State.Paused;
}

function slotOf(name: string): number {
  return Number(name.split('-').at(-1));
}

describe('a schedule', { concurrency: 4 }, () => {
  let lab: Lab;
  let site: Site;
  let daemon: Daemon;
  before(async () => {
    lab = await openLab('sched');
    site = openSite('sched');
    daemon = await site.start();
  });
  after(async () => {
    await site.close();
    await lab.close();
  });

  const memory = (name: string) =>
    site.read((journal) => journal.objects.get('Schedule', name)?.state as unknown as ScheduleMemory);
  const fired = (name: string) =>
    site.read((journal) =>
      journal.experiments.all().filter(({ owner }) => owner?.kind === 'Schedule' && owner.name === name),
    );
  const events = (name: string) =>
    site.read((journal) => journal.events.list().filter(({ object }) => object === `Schedule/${name}`));

  test('starts an experiment of its own at its times, which ends by itself and is remembered', async () => {
    const target = await lab.run();
    site.write('every.yaml', schedule('every', '*/2 * * * * *', { experiment: spec(target, '300ms') }));
    const [first] = await until('two of them to be over', () => {
      const ended = fired('every').filter(({ phase }) => phase === 'Completed');
      return ended.length >= 2 && ended;
    });
    assert.match(first?.name ?? '', /^every-\d+$/);
    const run = site.run(first?.name ?? '');
    assert.equal(run?.trigger, 'schedule/every');
    const late = (run?.startedAt ?? 0) - slotOf(first?.name ?? '') * SECONDS;
    assert.ok(late >= 0 && late < 2000, `started ${late} ms after its time`);
    assert.equal(slotOf(first?.name ?? '') % 2, 0);
    site.remove('every.yaml');
    await until('all of it to be forgotten', () => fired('every').length === 0);
    assert.equal(memory('every'), undefined);
    assert.equal(await isPaused(target), false);
  });

  test('that is deleted ends what runs', async () => {
    const target = await lab.run();
    site.write('gone.yaml', schedule('gone', '* * * * * *', { experiment: spec(target, '5m') }));
    await until('the container to be paused', () => isPaused(target));
    site.remove('gone.yaml');
    await until('the container to run again', async () => !(await isPaused(target)));
    await until('all of it to be forgotten', () => fired('gone').length === 0);
  });

  test('starts copies of a template, and a halt of the template stops them', async () => {
    const target = await lab.run();
    const template = experiment('template', target, [{ type: 'container-pause' }], {
      duration: '5m',
      spec: { suspend: true },
    });
    site.write('template.yaml', template);
    await site.phase('template', 'Suspended');
    const copies = { experimentRef: { name: 'template' }, concurrencyPolicy: 'Allow' };
    site.write('copies.yaml', schedule('copies', '* * * * * *', copies));
    await until('the container to be paused', () => isPaused(target));
    assert.equal((await daemon.api('POST', '/api/v1/experiments/template/halt')).status, 200);
    await until('the container to run again', async () => !(await isPaused(target)));
    await until('the next time to be missed for that', () =>
      events('copies').some(
        ({ reason, message }) => reason === 'Missed' && /template is halted by a person/.test(message),
      ),
    );
    site.remove('copies.yaml');
    site.remove('template.yaml');
    await until('all of it to be forgotten', () => fired('copies').length === 0);
  });

  test('under Forbid waits for the one before, and misses what is late', async () => {
    const target = await lab.run();
    const what = { experiment: spec(target, '2500ms'), startingDeadline: '1s' };
    site.write('forbid.yaml', schedule('forbid', '* * * * * *', what));
    await until('two to have run', () => fired('forbid').filter(({ runId }) => runId).length >= 2);
    const runs = fired('forbid').map(({ name }) => site.run(name));
    for (const [index, run] of runs.entries()) {
      const next = runs[index + 1];
      if (run && next) assert.ok((run.endedAt ?? 0) <= next.startedAt, 'one after the other');
    }
    assert.ok(
      events('forbid').some(({ reason, message }) => reason === 'Missed' && /is not over/.test(message)),
    );
    site.remove('forbid.yaml');
    await until('all of it to be forgotten', () => fired('forbid').length === 0);
  });

  test('under Replace ends the one before', async () => {
    const target = await lab.run();
    const what = { experiment: spec(target, '5m'), concurrencyPolicy: 'Replace' };
    site.write('replace.yaml', schedule('replace', '*/3 * * * * *', what));
    const runs = () =>
      site.read((journal) => journal.runs.list().filter(({ trigger }) => trigger === 'schedule/replace'));
    const [second, first] = await until('a second to have started', () => runs().length >= 2 && runs());
    assert.ok(events('replace').some(({ reason }) => reason === 'Replaced'));
    assert.ok(second && first && (first.endedAt ?? 0) <= second.startedAt, 'one after the other');
    site.remove('replace.yaml');
    await until('the container to run again', async () => !(await isPaused(target)));
  });

  test('whose experiment is denied until it is too late never starts it later', async () => {
    const target = await lab.run({ optIn: false });
    const what = { experiment: spec(target, '1s'), startingDeadline: '1s' };
    site.write('denied.yaml', schedule('denied', '*/2 * * * * *', what));
    await until('it to be given up', () =>
      events('denied').some(
        ({ reason, message }) =>
          reason === 'Missed' &&
          /^denied-\d+ could not start within startingDeadline: .*opted in/.test(message),
      ),
    );
    site.remove('denied.yaml');
    await until('all of it to be forgotten', () => fired('denied').length === 0);
  });
});

describe('200 times of 40 schedules, with the daemon killed again and again', () => {
  const SCHEDULES = 40;
  const TIMES = 5;
  const PERIOD = 10;
  let lab: Lab;
  let site: Site;
  before(async () => {
    lab = await openLab('fires');
    site = openSite('fires');
  });
  after(async () => {
    await site.close();
    await lab.close();
  });

  test('each fires exactly once', async () => {
    const targets = await Promise.all(Array.from({ length: 4 }, () => lab.run()));
    const names = Array.from({ length: SCHEDULES }, (_, index) => `s${index}`);
    for (const [index, name] of names.entries()) {
      const block = { type: 'network-block', to: [{ cidr: '198.51.100.0/24' }], ports: [1000 + index] };
      const whole = experiment('x', targets[index % targets.length] as LabContainer, [block], {
        duration: '500ms',
      }) as { spec: object };
      const what = { experiment: whole.spec, startingDeadline: '1m' };
      site.write(`${name}.yaml`, schedule(name, `${index % PERIOD}/${PERIOD} * * * * *`, what));
    }
    let daemon = await site.start();
    await until('all schedules to be known', () =>
      site.read((journal) => journal.objects.all('Schedule').length === SCHEDULES),
    );
    const slots = (name: string) =>
      site.read((journal) => journal.spawned.of({ kind: 'Schedule', name }).map((one) => slotOf(one.name)));
    const started = (name: string) =>
      site.read((journal) =>
        journal.runs
          .list()
          .flatMap(({ trigger, experiment: of }) => (trigger === `schedule/${name}` ? [slotOf(of)] : [])),
      );
    const total = () => names.reduce((sum, name) => sum + slots(name).length, 0);
    for (const killAt of [10, 45, 80, 115, 150, 185]) {
      await until(`${killAt} of them to have fired`, () => total() >= killAt, 60_000);
      await daemon.kill();
      daemon = await site.start({ wait: false });
    }
    await until(
      'all to have fired, and ended',
      () =>
        names.every((name) => started(name).length >= TIMES) &&
        site.read((journal) => journal.runs.active().length === 0),
      90_000,
    );
    const missed = site.read((journal) => journal.events.list().filter(({ reason }) => reason === 'Missed'));
    assert.deepEqual(missed, []);
    for (const name of names) {
      const own = slots(name);
      const steps = own.slice(1).map((slot, index) => slot - (own[index] as number));
      assert.deepEqual(
        [...new Set(steps)],
        [PERIOD],
        `${name} has each of its times once: ${own.join(', ')}`,
      );
      const ran = started(name).sort((a, b) => a - b);
      assert.deepEqual(ran.slice(0, TIMES), own.slice(0, TIMES), `${name} ran once for each time`);
      assert.equal(new Set(ran).size, ran.length);
    }
  });
});
