import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ObjectRecord } from '../../src/core/kinds.ts';
import { type ScenarioRun, stateOf } from '../../src/scenario/state.ts';
import { openSite, type Site } from '../lab/daemon.ts';
import { type Lab, type LabContainer, openLab, until } from '../lab/lab.ts';

function scenario(name: string, steps: readonly object[], more: object = {}): object {
  return { apiVersion: 'squall/v1', kind: 'Scenario', metadata: { name }, spec: { steps, ...more } };
}

function pause(target: LabContainer, duration = '60s'): object {
  const targets = { select: { names: [target.name] }, mode: 'all' };
  return { experiment: { duration, targets, faults: [{ type: 'container-pause' }] } };
}

const isPaused = async (target: LabContainer) => (await target.inspect()).State.Paused;

function objectOf(site: Site, name: string): ObjectRecord<'Scenario'> | undefined {
  return site.read((journal) => journal.objects.get('Scenario', name));
}

function runOf(site: Site, name: string): ScenarioRun | undefined {
  const record = objectOf(site, name);
  return (record && stateOf(record).run) ?? undefined;
}

function phaseOf(site: Site, name: string, phase: string): Promise<ObjectRecord<'Scenario'>> {
  return until(`${name} to be ${phase}`, () => {
    const record = objectOf(site, name);
    return record?.phase === phase && record;
  });
}

function stepIs(site: Site, name: string, path: string, phase: string): Promise<unknown> {
  return until(`${path} of ${name} to be ${phase}`, () => runOf(site, name)?.steps[path]?.phase === phase);
}

function paused(...targets: LabContainer[]): Promise<unknown> {
  return until(`${targets.map(({ name }) => name).join(', ')} to be paused`, async () =>
    (await Promise.all(targets.map(isPaused))).every((is) => is),
  );
}

/** The experiments of a run, and how many runs each had. */
function runsOf(site: Site, run: ScenarioRun): Record<string, number> {
  const names = Object.values(run.steps).flatMap(({ experiment = [] }) => experiment);
  return site.read((journal) =>
    Object.fromEntries(names.map((experiment) => [experiment, journal.runs.list({ experiment }).length])),
  );
}

describe('scenarios on a real engine', { concurrency: 4 }, () => {
  let lab: Lab;
  let site: Site;
  before(async () => {
    lab = await openLab('scenario');
    site = openSite('scenario');
    await site.start();
  });
  after(async () => {
    await site.close();
    await lab.close();
  });

  test('two pauses side by side, a wait, a probe of a container and one within it', async () => {
    const [one, two] = [await lab.run(), await lab.run()];
    const state = { type: 'container', container: one.name, expect: { state: 'running' }, interval: '200ms' };
    const echo = { type: 'exec', container: two.name, command: ['echo', 'here'], expect: { output: 'here' } };
    site.write(
      'steps.yaml',
      scenario('steps', [
        { parallel: [pause(one, '2s'), pause(two, '2s')] },
        { wait: '300ms' },
        { probe: { ...state, within: '5s' } },
        { name: 'it answers', probe: echo },
      ]),
    );
    await paused(one, two);
    assert.equal(objectOf(site, 'steps')?.phase, 'Running');
    const { message } = await phaseOf(site, 'steps', 'Completed');
    assert.equal(message, 'all 5 steps succeeded');
    assert.deepEqual([await isPaused(one), await isPaused(two)], [false, false]);
    const run = runOf(site, 'steps') ?? assert.fail();
    assert.deepEqual(runsOf(site, run), { 'steps-1-2': 1, 'steps-1-3': 1 });
    const [wait, probe] = [run.steps['steps[1]'], run.steps['steps[2]']];
    assert.ok((wait?.endedAt ?? 0) - (wait?.startedAt ?? 0) >= 290);
    assert.ok((probe?.startedAt ?? 0) >= (wait?.endedAt ?? Number.POSITIVE_INFINITY));
  });

  test('a probe that fails recovers all that runs', async () => {
    const [one, two] = [await lab.run(), await lab.run()];
    const broken = { type: 'container', container: one.name, expect: { state: 'exited' }, interval: '200ms' };
    const checked = { serial: [{ wait: '1500ms' }, { name: 'health', probe: broken }, pause(two)] };
    site.write(
      'abort.yaml',
      scenario('abort', [{ parallel: [pause(one), pause(two), checked] }, { wait: '1h' }]),
    );
    await paused(one, two);
    const { message } = await phaseOf(site, 'abort', 'Failed');
    assert.equal(
      message,
      `health (steps[0].parallel[2].serial[1]) failed: ${one.name} is paused, expected exited`,
    );
    assert.deepEqual([await isPaused(one), await isPaused(two)], [false, false]);
    const run = runOf(site, 'abort') ?? assert.fail();
    assert.deepEqual(
      site.read((journal) =>
        journal.runs.active().filter(({ experiment }) => experiment.startsWith('abort-')),
      ),
      [],
    );
    assert.equal(run.steps['steps[0].parallel[0]']?.phase, 'Aborted');
    assert.equal(run.steps['steps[0].parallel[2].serial[2]']?.phase, 'Skipped');
  });

  test('an experiment that is denied fails its step, and says why', async () => {
    const [one, closed] = [await lab.run(), await lab.run({ optIn: false })];
    site.write('denied.yaml', scenario('denied', [pause(one, '500ms'), pause(closed), pause(one)]));
    const { message } = await phaseOf(site, 'denied', 'Failed');
    assert.match(
      message,
      /^container-pause \(steps\[1\]\) failed: experiment denied-1-2 is Denied: .*opted in/,
    );
    assert.equal(await isPaused(one), false);
    await until('the denied experiment to be forgotten', () => site.experiment('denied-1-2') === undefined);
  });

  test('the manifest deleted in the middle, all is recovered and nothing is left of it', async () => {
    const [one, two] = [await lab.run(), await lab.run()];
    site.write('deleted.yaml', scenario('deleted', [{ parallel: [pause(one), pause(two)] }, pause(one)]));
    await paused(one, two);
    site.remove('deleted.yaml');
    await until('both to go on', async () => !(await isPaused(one)) && !(await isPaused(two)));
    await until(
      'its experiments to be forgotten',
      () => !site.experiment('deleted-1-2') && !site.experiment('deleted-1-3'),
    );
    assert.equal(objectOf(site, 'deleted'), undefined);
    const left = site.read((journal) => journal.spawned.of({ kind: 'Scenario', name: 'deleted' }));
    assert.deepEqual(left, []);
  });
});

describe('a scenario whose daemon is killed', () => {
  let lab: Lab;
  let site: Site;
  before(async () => {
    lab = await openLab('scenario-kill');
    site = openSite('scenario-kill');
  });
  after(async () => {
    await site.close();
    await lab.close();
  });

  test('goes on where it was: in an experiment, in a wait, in a probe', async () => {
    const [one, two, late] = [await lab.run(), await lab.run(), await lab.run()];
    const up = { type: 'container', container: late.name, expect: { state: 'exited' }, interval: '200ms' };
    site.write(
      'kill.yaml',
      scenario('kill', [
        pause(one, '4s'),
        { wait: '3s' },
        { probe: { ...up, within: '1m' } },
        pause(two, '1s'),
      ]),
    );
    const first = await site.start();
    await paused(one);
    await first.kill();
    assert.equal(await isPaused(one), true);

    const second = await site.start();
    await stepIs(site, 'kill', 'steps[1]', 'Running');
    assert.equal(await isPaused(one), false);
    const until1 = runOf(site, 'kill')?.steps['steps[1]']?.until;
    await second.kill();

    const third = await site.start();
    await stepIs(site, 'kill', 'steps[2]', 'Running');
    const run = runOf(site, 'kill') ?? assert.fail();
    assert.deepEqual(run.steps['steps[1]']?.until, until1, 'the wait is over at the same moment');
    await third.kill();

    await site.start();
    await late.stop();
    await paused(two);
    const { message } = await phaseOf(site, 'kill', 'Completed');
    assert.equal(message, 'all 4 steps succeeded');
    const ended = runOf(site, 'kill') ?? assert.fail();
    assert.equal(ended.id, 'kill-1');
    assert.deepEqual(runsOf(site, ended), { 'kill-1-1': 1, 'kill-1-4': 1 });
    assert.equal(await isPaused(two), false);
  });
});
