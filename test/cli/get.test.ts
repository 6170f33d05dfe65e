import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { main } from '../../src/cli/program.ts';
import { systemClock } from '../../src/core/clock.ts';
import { statePaths } from '../../src/daemon/paths.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { until } from '../lab/until.ts';
import {
  collector,
  event,
  fillObjects,
  fillState,
  object,
  record,
  type Scratch,
  scratch,
  squall,
} from './fixture.ts';

let place: Scratch;
let state: string;
let journal: Journal;

before(() => {
  place = scratch();
  state = join(place.dir, 'state');
  journal = fillState(state);
});

after(() => {
  journal.close();
  place.remove();
});

const get = (...args: string[]) => squall(['get', ...args, '--state', state]);

describe('get, with no daemon there', () => {
  it('shows a table', async () => {
    const { code, out, err } = await get('experiments');
    assert.equal(code, 0);
    assert.match(
      out,
      /^NAME +PHASE +TARGETS +FAULTS +ENDS-IN +AGE +REASON\nfreeze +Running +1\/1 +container-pause +\d+s +\S+ +Injected\nrest +Suspended/,
    );
    assert.match(err, /^no daemon answers on .*squall\.sock: this is what was last written\n$/);
  });

  it('gives one object for a name and a list else, as the API does', async () => {
    const one = JSON.parse((await get('exp', 'freeze', '-o', 'json')).out);
    assert.deepEqual([one.kind, one.metadata.name, one.status.run.id], ['Experiment', 'freeze', 'freeze-1']);
    const list = JSON.parse((await get('experiment/freeze', 'rest', '-o', 'json')).out);
    assert.deepEqual([list.kind, list.items.length], ['List', 2]);
  });

  it('lists several kinds at once, which takes no names', async () => {
    assert.equal(
      (await get('exp,runs,exp', '-o', 'name')).out,
      'experiment/freeze\nexperiment/rest\nrun/freeze-1\n',
    );
    assert.match((await get('run,scn')).out, /^NAME +[\s\S]*freeze-1/);
    assert.match((await get('scn,pol')).err, /^No scenarios, policies found/);
    assert.match((await get('all,exp', '-o', 'name')).out, /^experiment\/freeze\n[\s\S]*event\//);
    for (const args of [
      ['exp,runs', 'freeze'],
      ['exp,runs/freeze'],
      ['all', 'freeze'],
      ['exp,runs', '-w'],
      ['exp,'],
      ['exp,rnus'],
    ])
      assert.equal((await get(...args)).code, 2, args.join(' '));
  });

  it('gives YAML and names', async () => {
    assert.equal(parse((await get('runs', '-o', 'yaml')).out).items[0].metadata.name, 'freeze-1');
    assert.equal(
      (await get('all', '-o', 'name')).out,
      'experiment/freeze\nexperiment/rest\nrun/freeze-1\nevent/1\n',
    );
  });

  it('shows all kinds one below the other', async () => {
    const { out } = await get('all');
    assert.deepEqual(out.match(/^(NAME +PHASE|NAME +EXPERIMENT|TIME)/gm)?.length, 3);
  });

  it('narrows by labels', async () => {
    assert.equal((await get('experiments', '-l', 'suite=nightly', '-o', 'name')).out, 'experiment/freeze\n');
    assert.equal((await get('runs', '-l', 'suite!=nightly', '-o', 'name')).out, '');
    assert.match((await get('experiments', '-l', 'x=y')).err, /^No experiments found in .* that match\.\n$/);
  });

  it('says what is not there, with the nearest name', async () => {
    const { code, out, err } = await get('experiment', 'freez');
    assert.deepEqual([code, out], [1, '']);
    assert.equal(err, 'error SQ502: no experiment is called "freez"\n  hint: Did you mean "freeze"?\n');
  });

  it('refuses what it does not know', async () => {
    assert.equal((await get('experimets')).code, 2);
    assert.match((await get('experimets')).err, /hint: Did you mean experiments\?/);
    assert.equal((await get('experiments', '-l', 'a>b')).code, 2);
    assert.equal((await get('all', 'freeze')).code, 2);
    assert.equal((await get('all', '-w')).code, 2);
  });

  it('says where it looked, where there is no journal', async () => {
    const nowhere = join(place.dir, 'nowhere');
    const table = await squall(['get', 'experiments', '--state', nowhere]);
    assert.deepEqual([table.code, table.out], [0, '']);
    assert.ok(table.err.startsWith(`No experiments found: there is no journal in ${nowhere}. `), table.err);
    const json = await squall(['get', 'experiments', '-o', 'json', '--state', nowhere]);
    assert.deepEqual(JSON.parse(json.out).items, []);
    assert.equal((await squall(['get', 'experiment', 'x', '--state', nowhere])).code, 1);
  });
});

describe('the other kinds', () => {
  let there: string;
  let filled: Journal;

  before(() => {
    there = join(place.dir, 'objects');
    filled = fillState(there);
    fillObjects(filled);
  });

  after(() => filled.close());

  const say = (...args: string[]) => squall([...args, '--state', there]);
  const line = (out: string) => out.split('\n')[1] ?? '';

  it('are tables', async () => {
    const schedules = (await say('get', 'schedules')).out;
    assert.match(schedules, /^NAME +CRON +TIMEZONE +PHASE +LAST +NEXT +ACTIVE\n/);
    assert.match(line(schedules), /^nightly +0 2 \* \* \* +Europe\/Zurich +Active +5m +in 3h1[12]m +1$/);
    const scenarios = (await say('get', 'scn')).out;
    assert.match(scenarios, /^NAME +PHASE +STEP +STARTED\n/);
    assert.match(line(scenarios), /^game-day +Running +2\/4 experiment freeze \+1 +\S+ ago$/);
    const policies = (await say('get', 'pol')).out;
    assert.match(line(policies), /^default +Active +maxTargets 5, minHealthy 1$/);
  });

  it('fit into 80 columns', async () => {
    for (const kind of ['schedules', 'scenarios', 'policies'])
      for (const row of (await say('get', kind)).out.split('\n')) assert.ok(row.length <= 80, row);
  });

  it('tell more when wide', async () => {
    assert.match((await say('get', 'sched', '-o', 'wide')).out, /STARTS[\s\S]* experiment\/rest /);
    assert.match((await say('get', 'scenario', '-o', 'wide')).out, /TRIGGER +REASON[\s\S]* manual +Started /);
    for (const kind of ['runs', 'experiments']) {
      const { out } = await say('get', kind, '-o', 'wide');
      assert.match(out, /OWNER +COMMIT[\s\S]*nightly-1 .* schedule\/nightly +1f3a9c20\* /, kind);
    }
  });

  it('are objects as the API gives them, by any word for the kind', async () => {
    const nightly = JSON.parse((await say('get', 'sched/nightly', '-o', 'json')).out);
    assert.deepEqual([nightly.kind, nightly.metadata.owner], ['Schedule', null]);
    assert.deepEqual(nightly.status.active, ['nightly-1']);
    assert.equal(
      Date.parse(nightly.status.nextScheduleTime) - Date.parse(nightly.status.lastScheduleTime),
      197 * 60_000,
    );
    const { status } = JSON.parse((await say('get', 'scenario', 'game-day', '-o', 'json')).out);
    assert.deepEqual(
      [status.run.id, status.run.phase, status.run.deadline === null],
      ['game-day-3', 'Running', false],
    );
    assert.deepEqual(
      status.run.steps.map(({ path, experiment }: Record<string, string>) => [path, experiment]),
      [
        ['steps[0]', null],
        ['steps[1]', null],
        ['steps[1].parallel[0]', 'game-day-3-3'],
        ['steps[1].parallel[1]', null],
        ['steps[2]', null],
      ],
    );
    assert.equal(status.history[0].message, 'all 4 steps succeeded');
    assert.equal(JSON.parse((await say('get', 'policies', '-o', 'json')).out).items[0].spec.maxTargets, 5);
    const { metadata, status: owned } = JSON.parse((await say('get', 'exp', 'nightly-1', '-o', 'json')).out);
    assert.deepEqual(metadata.owner, { kind: 'Schedule', name: 'nightly', uid: 'uid-nightly' });
    assert.deepEqual([metadata.copyOf, owned.run.provenance.subject], ['rest', 'Rest']);
    const run = JSON.parse((await say('get', 'run', 'nightly-1-1', '-o', 'json')).out);
    assert.deepEqual(
      [run.metadata.owner.name, run.metadata.copyOf, run.status.provenance.dirty],
      ['nightly', 'rest', true],
    );
  });

  it('are listed with all, and narrowed by name and label', async () => {
    assert.deepEqual(
      (await say('get', 'all', '-o', 'name')).out.match(/^(schedule|scenario|policy)\/\S+/gm),
      ['schedule/nightly', 'scenario/game-day', 'policy/default'],
    );
    assert.equal((await say('get', 'sched', '-l', 'suite=nightly', '-o', 'name')).out, 'schedule/nightly\n');
    assert.equal((await say('get', 'scn', '-l', 'suite=nightly', '-o', 'name')).out, '');
    assert.match((await say('get', 'events', '-l', 'suite=nightly')).out, / Fired +schedule\/nightly /);
    const unknown = await say('get', 'policy', 'defaul');
    assert.equal(unknown.err, 'error SQ502: no policy is called "defaul"\n  hint: Did you mean "default"?\n');
    assert.match((await say('get', 'policy', 'x')).err, /`squall get policies` lists them/);
    const nowhere = await squall(['get', 'policy', 'x', '--state', join(place.dir, 'nowhere')]);
    assert.match(nowhere.err, /no policy is called "x": there is no journal/);
  });

  it('are described: what comes, what has started, how far it is, what is refused', async () => {
    const schedule = (await say('describe', 'sched', 'nightly')).out;
    assert.match(schedule, /^Name: +nightly\nKind: +Schedule\n[\s\S]*\nSpec:\n {2}cron: 0 2 \* \* \*\n/);
    assert.equal(
      schedule.match(/^ {2}\w{3} \d{4}-\d\d-\d\d 02:00:00 Europe\/Zurich \(in \S+\)$/gm)?.length,
      5,
    );
    assert.match(schedule, /experiment\/nightly-1 +Running /);
    assert.match(schedule, /Fired +schedule\/nightly[\s\S]*Injected +experiment\/nightly-1/);
    const scenario = (await say('describe', 'scenario/game-day')).out;
    assert.match(
      scenario,
      / {4}parallel +Running .*\n {4}├ experiment freeze +Running .* game-day-3-3 +-\n {4}└ wait 1m /,
    );
    const policy = (await say('describe', 'policy', 'default')).out;
    assert.match(policy, /Refuses now:\n.*\n {2}greedy +Denied +TooManyTargets +Policy default: 7/);
    const experiment = (await say('describe', 'nightly-1')).out;
    assert.match(experiment, /\nOwner: +schedule\/nightly\nCopy of: +rest\n/);
    assert.match(
      experiment,
      /Commit: +1f3a9c20 "Rest" by Ada <ada@example\.org>; the file differed from it\n/,
    );
  });

  it('are hinted at where an experiment was meant', async () => {
    const { code, err } = await say('describe', 'nightly');
    assert.deepEqual([code, err.split('\n')[1]], [1, '  hint: Did you mean schedule/nightly?']);
    assert.equal((await say('describe', 'schedule', 'nope')).code, 1);
  });

  it('a policy is told from one whose name begins like it', async () => {
    filled.objects.put(object('Policy', 'default-2', {}));
    assert.match((await say('describe', 'policy', 'default-2')).out, /Refuses now:\n {2}nothing\n/);
    filled.objects.put(object('Policy', 'def', {}));
    assert.match((await say('describe', 'policy', 'def')).out, /Refuses now:\n {2}nothing\n/);
    filled.objects.remove('Policy', 'default-2');
    filled.objects.remove('Policy', 'def');
  });

  it('what holds an experiment from elsewhere is told', async () => {
    filled.objects.put({ ...(filled.objects.get('Schedule', 'nightly') ?? assert.fail()), hold: 'halted' });
    const { out } = await say('describe', 'nightly-1');
    assert.match(
      out,
      /Held with: +schedule\/nightly, which is halted: squall resume schedule\/nightly lifts it\n/,
    );
    assert.match(
      (await say('describe', 'sched/nightly')).out,
      /Held: +halted: squall resume schedule\/nightly/,
    );
    filled.objects.put({ ...(filled.objects.get('Schedule', 'nightly') ?? assert.fail()), hold: null });
  });

  it('have events: of one, with what it started, and with commits', async () => {
    const { out } = await say('events', '--for', 'schedule/nightly');
    assert.deepEqual(out.match(/(schedule|experiment)\/\S+/g), ['schedule/nightly', 'experiment/nightly-1']);
    assert.match((await say('events', '-o', 'wide')).out, /COMMIT[\s\S]*nightly-1-1 +1f3a9c20\* /);
    const lines = (await say('events', '-o', 'json')).out
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text));
    assert.deepEqual(
      lines.map(({ object: about, commit }) => [about, commit]),
      [
        [null, null],
        ['Schedule/nightly', null],
        [null, '1f3a9c20'.repeat(5)],
      ],
    );
    assert.match(
      (await say('events', '--for', 'scenario/game-day')).err,
      /^No events found in .* that match/,
    );
    for (const bad of ['nightly', 'nope/x', 'schedule/', 'run/x'])
      assert.equal((await say('events', '--for', bad)).code, 2, bad);
  });
});

describe('a state directory that is none', () => {
  it('is told as a file that is in the way', async () => {
    const file = join(place.dir, 'file');
    writeFileSync(file, 'no directory');
    const { code, err } = await squall(['get', 'experiments', '--state', file]);
    assert.equal(code, 1);
    assert.match(err, /SQ305: .*ENOTDIR\n {2}hint: Name the state directory/);
  });

  it('is told as a journal that is spoilt', async () => {
    const dir = join(place.dir, 'spoilt');
    mkdirSync(dir);
    writeFileSync(statePaths(dir).journal, 'this is no database, and long enough to be read as one');
    const { code, err } = await squall(['get', 'experiments', '--state', dir]);
    assert.equal(code, 1);
    assert.match(err, /SQ305: .*not a database\n {2}hint: Move it away/);
  });
});

describe('describe', () => {
  for (const what of [['freeze'], ['experiment', 'freeze'], ['experiment/freeze'], ['exp', 'freeze']])
    it(`takes ${what.join(' ')}`, async () => {
      const { code, out } = await squall(['describe', ...what, '--state', state]);
      assert.equal(code, 0);
      assert.match(
        out,
        /^Name: +freeze\n[\s\S]*shop-worker-1 +container-pause +injected[\s\S]*paused shop-worker-1\n$/,
      );
    });

  it('names the nearest for an unknown one', async () => {
    const { code, err } = await squall(['describe', 'rset', '--state', state]);
    assert.deepEqual([code, err.split('\n')[1]], [1, '  hint: Did you mean "rest"?']);
  });

  it('refuses other kinds', async () =>
    assert.equal((await squall(['describe', 'run', 'x', '--state', state])).code, 2));
});

describe('events', () => {
  it('are shown, all or of one experiment', async () => {
    assert.match(
      (await squall(['events', '--state', state])).out,
      /^TIME +TYPE .*\n\S+Z +Normal +Injected +experiment\/freeze +shop-worker-1 +paused/,
    );
    assert.match((await squall(['events', '-e', 'rest', '--state', state])).err, /^No events found/);
  });

  it('are a line of JSON each', async () => {
    const { out } = await squall(['events', '-o', 'json', '--state', state]);
    assert.equal(JSON.parse(out.split('\n')[0] as string).message, 'paused shop-worker-1');
  });
});

describe('watching', () => {
  async function watching(args: string[], use: (told: { out: string }) => Promise<void>): Promise<number> {
    const told = { out: '', err: '' };
    const controller = new AbortController();
    const ended = main([...args, '-w', '--state', state], collector(told, controller.signal));
    try {
      await use(told);
    } finally {
      controller.abort('SIGINT');
    }
    return ended;
  }

  it('prints rows that are new, changed or gone, and no others', async () => {
    const code = await watching(['get', 'experiments'], async (told) => {
      await until('the first rows', () => told.out.includes('rest'));
      journal.experiments.put(record('late'));
      await until('the new row', () => told.out.includes('late'));
      journal.experiments.put(
        record('late', { phase: 'Denied', reason: 'NoMatch', updatedAt: systemClock.now() }),
      );
      await until('the changed row', () => told.out.includes('NoMatch'));
      journal.experiments.remove('late');
      await until('the row of what is gone', () => told.out.includes('Deleted'));
      const names = told.out.split('\n').map((line) => line.split(' ')[0]);
      assert.deepEqual(names, ['NAME', 'freeze', 'rest', 'late', 'late', 'late', '']);
    });
    assert.equal(code, 130);
  });

  it('prints events once, as lines of JSON', async () => {
    await watching(['events', '-o', 'json'], async (told) => {
      await until('what was there', () => told.out.includes('paused'));
      journal.events.add(event('first'));
      await until('an event', () => told.out.includes('first'));
      journal.events.add(event('second'));
      await until('another event', () => told.out.includes('second'));
      const messages = told.out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).message);
      assert.deepEqual(messages, ['paused shop-worker-1', 'first', 'second']);
    });
  });

  it('waits for a journal to be there', async () => {
    const told = { out: '', err: '' };
    const controller = new AbortController();
    const later = join(place.dir, 'later');
    const ended = main(['get', 'experiments', '-w', '--state', later], collector(told, controller.signal));
    const made = fillState(later);
    await until('rows', () => told.out.includes('freeze'));
    controller.abort('SIGTERM');
    assert.equal(await ended, 143);
    made.close();
  });
});
