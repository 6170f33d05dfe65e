import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { ObjectKind } from '../../src/core/kinds.ts';
import { type Daemon, openSite, type Site } from '../lab/daemon.ts';
import { openGitLab } from '../lab/git.ts';
import { type Lab, type LabContainer, openLab } from '../lab/lab.ts';
import { experiment } from '../lab/manifest.ts';
import { until } from '../lab/until.ts';
import { squall } from './fixture.ts';

const PAUSE = [{ type: 'container-pause' }];
/** No time of it comes while the tests run. */
const NEVER = '0 0 29 2 *';

let lab: Lab;
let site: Site;
let target: LabContainer;
let other: LabContainer;

before(async () => {
  lab = await openLab('kinds');
});

after(() => lab.close());

beforeEach(async () => {
  [target, other] = await Promise.all([lab.run(), lab.run()]);
  site = openSite('kinds');
});

afterEach(() => site.close());

const say = (...args: string[]) => squall([...args, '--state', site.paths.dir]);
const isPaused = async (one = target) => (await one.inspect()).State.Paused;
const paused = (one = target) => until('the pause', () => isPaused(one));
const object = (kind: ObjectKind, name: string) => site.read((journal) => journal.objects.get(kind, name));
const phaseIs = (kind: ObjectKind, name: string, phase: string) =>
  until(`${name} to be ${phase}`, () => object(kind, name)?.phase === phase);

function document(kind: string, name: string, spec: object): object {
  return { apiVersion: 'squall/v1', kind, metadata: { name }, spec };
}

function pauseOf(one: LabContainer): object {
  return (experiment('x', one, PAUSE, { duration: '5m' }) as { spec: object }).spec;
}

/** The schedule `hand`, on one container, and the scenario `day`, on the other, which runs at once. */
async function both(): Promise<Daemon> {
  site.write('hand.yaml', document('Schedule', 'hand', { cron: NEVER, experiment: pauseOf(target) }));
  site.write(
    'day.yaml',
    document('Scenario', 'day', { steps: [{ experiment: pauseOf(other) }, { wait: '1h' }] }),
  );
  const daemon = await site.start();
  await phaseIs('Schedule', 'hand', 'Active');
  await paused(other);
  return daemon;
}

describe('schedules on the command line', () => {
  it('are run by hand, suspended, halted and resumed', async () => {
    await both();
    assert.equal((await say('run', 'schedule/hand')).out, 'run/hand-manual-1-1 started\n');
    await paused();
    assert.equal(site.run('hand-manual-1')?.trigger, 'schedule/hand');
    const twice = await say('run', 'sched/hand');
    assert.match(twice.err, /SQ206: hand-manual-1 of schedule hand is running still/);

    assert.equal((await say('suspend', 'schedule/hand')).out, 'schedule/hand suspended\n');
    assert.deepEqual([object('Schedule', 'hand')?.phase, await isPaused()], ['Suspended', true]);
    assert.match((await say('run', 'schedule/hand')).err, /SQ207: schedule hand is suspended/);

    const halted = await say('halt', 'schedule/hand');
    assert.deepEqual(
      [halted.code, halted.out],
      [0, 'schedule/hand halted\nexperiment/hand-manual-1 halted\n'],
    );
    assert.deepEqual([object('Schedule', 'hand')?.phase, await isPaused()], ['Halted', false]);
    assert.match((await say('run', 'hand-manual-1')).err, /SQ207.*\n.*squall resume schedule\/hand/);

    const resumed = await say('resume', 'schedule/hand');
    assert.equal(resumed.out, 'schedule/hand resumed\nexperiment/hand-manual-1 resumed\n');
    await paused();
    assert.equal(object('Schedule', 'hand')?.phase, 'Active');
    const told = site.read((journal) =>
      journal.events.list().filter(({ object: about }) => about === 'Schedule/hand'),
    );
    for (const reason of ['Fired', 'Suspended', 'Halted', 'Resumed'])
      assert.ok(
        told.some((event) => event.reason === reason),
        reason,
      );
  });

  it('take back at once what a guardrail refuses by hand', async () => {
    const closed = await lab.run({ optIn: false });
    site.write('closed.yaml', document('Schedule', 'closed', { cron: NEVER, experiment: pauseOf(closed) }));
    await both();
    await phaseIs('Schedule', 'closed', 'Active');
    const { code, err } = await say('run', 'schedule/closed');
    assert.equal(code, 1);
    assert.match(err, /SQ202: closed-manual-1 did not start: .*opted in/);
    assert.deepEqual(
      site.read((journal) => journal.spawned.of({ kind: 'Schedule', name: 'closed' })),
      [],
    );
    await until('it to be forgotten', () => site.experiment('closed-manual-1') === undefined);
  });

  it('of a scenario start a copy of it by hand', async () => {
    const steps = [{ experiment: pauseOf(target) }, { wait: '1h' }];
    site.write('tour.yaml', document('Scenario', 'tour', { suspend: true, steps }));
    site.write('hand2.yaml', document('Schedule', 'hand2', { cron: NEVER, scenarioRef: { name: 'tour' } }));
    await both();
    await phaseIs('Scenario', 'tour', 'Suspended');
    await phaseIs('Schedule', 'hand2', 'Active');
    const { out } = await say('run', 'schedule/hand2');
    assert.equal(out, 'scenario/hand2-manual-1 started: run hand2-manual-1-1\n');
    await paused();
    const halted = await say('halt', 'scenario/tour');
    assert.match(halted.out, /scenario\/tour halted\nscenario\/hand2-manual-1 halted\n/);
    assert.equal(await isPaused(), false, 'the copy is halted with it, and was waited for');
    assert.equal(object('Scenario', 'hand2-manual-1')?.phase, 'Halted');
  });
});

describe('scenarios on the command line', () => {
  it('are halted, suspended, resumed and run again', async () => {
    await both();
    assert.match((await say('run', 'scn/day')).err, /SQ206: day is running already: run day-1/);
    for (const [verb, done] of [
      ['suspend', 'suspended'],
      ['halt', 'halted'],
    ] as const) {
      const { code, out } = await say(verb, 'scenario/day');
      assert.equal(code, 0);
      assert.match(out, new RegExp(`^scenario/day ${done}\n`));
      assert.equal(await isPaused(other), false, 'all is recovered when it answers');
      assert.match((await say('run', 'scenario/day')).err, /SQ207: .*\n.*squall resume scenario\/day/);
      assert.equal((await say('resume', 'scenario/day')).out, 'scenario/day resumed\n');
      assert.equal(await isPaused(other), false, 'a run that was ended does not go on');
      assert.match((await say('run', 'scenario/day')).out, /^scenario\/day started: run day-\d\n$/);
      await paused(other);
    }
    assert.match((await say('get', 'scn')).out, /day +Running +1\/2 container-pause /);
    assert.match((await say('describe', 'scn', 'day')).out, /container-pause +Running .* day-3-1 /);
  });
});

describe('all of them', () => {
  it('are suspended and resumed together', async () => {
    await both();
    await say('run', 'schedule/hand');
    await paused();
    const { out } = await say('suspend', '--all');
    assert.equal(out, 'all chaos suspended\nexperiment/hand-manual-1 suspended\nand 3 at rest\n');
    assert.deepEqual([await isPaused(), await isPaused(other)], [false, false]);
    assert.equal(object('Schedule', 'hand')?.phase, 'Suspended');
    assert.equal((await say('resume', '--all')).code, 0);
    await paused();
    assert.equal(object('Schedule', 'hand')?.hold, null);
  });

  it('are halted with the daemon dead, and by the next daemon still', async () => {
    const daemon = await both();
    await say('run', 'schedule/hand');
    await paused();
    await daemon.kill();
    assert.deepEqual([await isPaused(), await isPaused(other)], [true, true]);
    const { code, out, err } = await say('halt', 'schedule/hand', 'scenario/day');
    assert.equal(code, 0, err);
    assert.match(
      out,
      /^schedule\/hand halted\nscenario\/day halted\nexperiment\/hand-manual-1 halted\nexperiment\/day-1-1 halted\n$/,
    );
    assert.deepEqual([await isPaused(), await isPaused(other)], [false, false]);

    const next = await site.start();
    await phaseIs('Schedule', 'hand', 'Halted');
    await phaseIs('Scenario', 'day', 'Halted');
    await site.phase('hand-manual-1', 'Halted');
    assert.deepEqual([await isPaused(), await isPaused(other)], [false, false]);
    await next.kill();
    assert.match((await say('resume', 'schedule/hand')).err, /acting without it/);
    await site.start();
    await paused();
    assert.equal(await isPaused(other), false);
  });

  it('keep to a halt of all with the daemon dead: nothing fires', async () => {
    site.write(
      'often.yaml',
      document('Schedule', 'often', {
        cron: '* * * * * *',
        experiment: pauseOf(target),
        concurrencyPolicy: 'Allow',
      }),
    );
    const daemon = await site.start();
    await paused();
    await daemon.kill();
    assert.equal((await say('halt', '--all')).code, 0);
    assert.equal(await isPaused(), false);
    const fired = () =>
      site.read((journal) => journal.spawned.of({ kind: 'Schedule', name: 'often' }).length);
    const before = fired();
    await site.start();
    await phaseIs('Schedule', 'often', 'Halted');
    assert.equal(object('Schedule', 'often')?.reason, 'HaltedAll');
    assert.equal(fired(), before);
    assert.equal((await say('resume', '--all')).code, 0);
    await until('it to fire again', () => fired() > before);
  });

  it('copies are held with their template, dead daemon or not', async () => {
    const template = experiment('template', target, PAUSE, { duration: '5m', spec: { suspend: true } });
    site.write('template.yaml', template);
    site.write(
      'copies.yaml',
      document('Schedule', 'copies', { cron: NEVER, experimentRef: { name: 'template' } }),
    );
    const daemon = await site.start();
    await site.phase('template', 'Suspended');
    await phaseIs('Schedule', 'copies', 'Active');
    await say('run', 'schedule/copies');
    await paused();
    assert.match(
      (await say('halt', 'template')).out,
      /experiment\/template halted\nexperiment\/copies-manual-1 halted\n/,
    );
    assert.equal(await isPaused(), false);
    const refused = await say('run', 'schedule/copies');
    assert.match(refused.err, /SQ206|SQ207/);
    assert.match((await say('resume', 'copies-manual-1')).err, /halted still, with experiment\/template/);
    await say('resume', 'template');
    await paused();
    await daemon.kill();
    assert.equal((await say('halt', 'template')).code, 0);
    assert.equal(await isPaused(), false);
  });
});

describe('sync', () => {
  it('fetches at once, and says so where there is no repository', async () => {
    using git = openGitLab();
    git.push('nothing yet', { 'README.md': 'chaos' });
    const source = {
      url: git.url,
      branch: 'main',
      paths: ['.'],
      interval: 3_600_000,
      allowedSigners: undefined,
    };
    const daemon = await site.start({ more: { git: source, manifests: [] } });
    const commit = git.push('freeze', { 'a.json': JSON.stringify(experiment('a', target, PAUSE)) });
    const { code, out } = await say('sync', '-o', 'json');
    assert.equal(code, 0);
    const state = JSON.parse(out);
    assert.deepEqual([state.commit, state.branch, state.error], [commit, 'main', null]);
    assert.match(state.fetchedAt, /^\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z$/);
    await paused();
    await until('the commit to be known', () => site.run('a')?.provenance?.commit === commit);
    assert.match((await say('events', '-o', 'wide')).out, new RegExp(`a-1 +${commit.slice(0, 8)} `));
    await daemon.stop();
    await site.start();
    assert.match((await say('sync')).err, /SQ502: this daemon follows no repository\n {2}hint: .*--git/);
  });
});
