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
import { collector, event, fillState, record, type Scratch, scratch, squall } from './fixture.ts';

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
