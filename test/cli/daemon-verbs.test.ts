import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createLog } from '../../src/core/log.ts';
import { statePaths } from '../../src/daemon/paths.ts';
import { openHaltFile } from '../../src/journal/halt-file.ts';
import { type Journal, openJournal } from '../../src/journal/journal.ts';
import { createServer, type SquallServer } from '../../src/server/server.ts';
import { type ScriptedControl, scriptedControl } from '../server/scripted-control.ts';
import { fillObjects, record, run, type Scratch, scratch, squall } from './fixture.ts';

let place: Scratch;
let state: string;
let journal: Journal;

beforeEach(() => {
  place = scratch();
  state = place.dir;
  journal = openJournal(statePaths(state).journal);
  journal.experiments.put(record('rest', { phase: 'Completed' }));
});

afterEach(() => {
  journal.close();
  place.remove();
});

const NOTHING = { experiments: [], schedules: [], scenarios: [], left: [] };
const say = (...args: string[]) => squall([...args, '--state', state]);

describe('with a daemon', () => {
  let control: ScriptedControl;
  let server: SquallServer;

  beforeEach(async () => {
    control = scriptedControl();
    server = createServer({ journal, control, metrics: async () => '', log: createLog('silent') });
    await server.listen(statePaths(state).socket);
  });

  afterEach(() => server.close());

  it('halt, suspend, resume and run ask it', async () => {
    assert.deepEqual((await say('halt', 'rest')).out, 'experiment/rest halted\n');
    assert.deepEqual((await say('suspend', 'rest')).out, 'experiment/rest suspended\n');
    assert.deepEqual((await say('resume', 'rest')).out, 'experiment/rest resumed\n');
    assert.deepEqual((await say('run', 'rest')).out, 'run/rest-7 started\n');
    assert.deepEqual(JSON.parse((await say('run', 'rest', '-o', 'json')).out), {
      run: 'rest-7',
      object: 'Experiment/rest',
    });
    assert.match((await say('halt', '--all')).out, /^all chaos halted\n/);
    assert.deepEqual(control.calls, [
      'halt Experiment/rest',
      'suspend Experiment/rest',
      'resume Experiment/rest',
      'run Experiment/rest',
      'run Experiment/rest',
      'halt all',
    ]);
  });

  it('take schedules and scenarios too, several at once, and all', async () => {
    const { out } = await say('halt', 'rest', 'sched/nightly', 'scenario/game-day', 'rest');
    assert.equal(out, 'schedule/nightly halted\nscenario/game-day halted\nexperiment/rest halted\n');
    assert.equal((await say('suspend', 'schedule/nightly')).out, 'schedule/nightly suspended\n');
    assert.match((await say('suspend', '--all')).out, /^all chaos suspended\n/);
    assert.equal((await say('resume', 'experiment/rest')).out, 'experiment/rest resumed\n');
    assert.equal((await say('run', 'scn/game-day')).out, 'scenario/game-day started: run game-day-7\n');
    assert.deepEqual(control.calls.slice(3), [
      'suspend Schedule/nightly',
      'suspend all',
      'resume Experiment/rest',
      'run Scenario/game-day',
    ]);
  });

  it('one that is not there keeps the others from nothing', async () => {
    const { code, out, err } = await say('halt', 'nobody', 'rest');
    assert.deepEqual([code, out], [1, 'experiment/rest halted\n']);
    assert.match(err, /error SQ502: no experiment is called "nobody"/);
  });

  it('a policy is none of these', async () => {
    for (const verb of ['run', 'halt', 'suspend', 'resume'])
      assert.equal((await say(verb, 'policy/x')).code, 2);
    assert.deepEqual(control.calls, []);
  });

  it('sync fetches, and says how it stands', async () => {
    assert.match((await say('sync')).err, /^error SQ502: this daemon follows no repository/);
    const commit = '1f3a9c20'.repeat(5);
    control.git = { url: '/srv/chaos.git', branch: 'main', commit, fetchedAt: null, error: null };
    const { code, out } = await say('sync');
    assert.deepEqual([code, out], [0, 'main of /srv/chaos.git is at commit 1f3a9c201f3a\n']);
    assert.deepEqual(JSON.parse((await say('sync', '-o', 'json')).out), control.git);
    control.git = { ...control.git, error: 'it does not answer' };
    const failed = await say('sync');
    assert.deepEqual([failed.code, failed.err], [1, 'it does not answer\n']);
  });

  it('what is not recovered is told, and is exit code 1', async () => {
    control.left = [{ target: 'web', fault: 'container-stop', error: 'not healthy yet' }];
    const { code, out, err } = await say('halt', 'rest', '-o', 'json');
    assert.equal(code, 1);
    assert.deepEqual(JSON.parse(out), { ...NOTHING, experiments: ['rest'], left: control.left });
    assert.match(err, /not recovered yet: container-stop on web: not healthy yet\n$/);
  });

  it('its errors come through with their hint and exit code', async () => {
    const { code, err } = await say('run', 'nobody');
    assert.deepEqual(
      [code, err],
      [1, 'error SQ502: no experiment is called "nobody"\n  hint: Did you mean "somebody"?\n'],
    );
    assert.equal((await say('halt', 'nobody')).code, 1);
  });

  it('a recovery that takes long is waited for', async () => {
    control.halt = () =>
      new Promise((resolve) => setTimeout(resolve, 2600, { ...NOTHING, experiments: ['rest'] }));
    const { code, err } = await say('halt', '--all');
    assert.equal(code, 0);
    assert.doesNotMatch(err, /without it/);
  });
});

describe('without a daemon', () => {
  it('run and suspend say so', async () => {
    for (const verb of ['run', 'suspend']) {
      const { code, out, err } = await say(verb, 'rest');
      assert.deepEqual([code, out], [1, '']);
      assert.match(err, /^error SQ503: no daemon answers on .*squall\.sock\n {2}hint: Start `squall daemon`/);
    }
  });

  it('halt acts by itself, says so, and resume lifts it', async () => {
    const halted = await say('halt', 'rest');
    assert.deepEqual([halted.code, halted.out], [0, 'experiment/rest halted\n']);
    assert.match(halted.err, /no daemon answers on .*: acting without it/);
    assert.equal(journal.experiments.get('rest')?.hold, 'halted');
    assert.equal((await say('resume', 'rest')).out, 'experiment/rest resumed\n');
    assert.equal(journal.experiments.get('rest')?.hold, null);
  });

  it('halt --all is remembered in the file', async () => {
    assert.equal((await say('halt', '--all')).code, 0);
    assert.equal(openHaltFile(statePaths(state).halt).read(), true);
    assert.equal((await say('resume', '--all')).code, 0);
    assert.equal(openHaltFile(statePaths(state).halt).read(), false);
  });

  it('halt and resume of all name what is under way, and count the rest', async () => {
    fillObjects(journal);
    journal.experiments.put(record('busy', { phase: 'Running', runId: 'busy-1' }));
    journal.runs.put(run('busy', 1));
    for (const [verb, done] of [
      ['halt', 'halted'],
      ['resume', 'resumed'],
    ] as const) {
      const busy = ['scenario/game-day', 'experiment/busy', 'experiment/nightly-1'];
      const lines = ['all chaos', ...busy].map((what) => `${what} ${done}\n`);
      assert.equal((await say(verb, '--all')).out, `${lines.join('')}and 3 at rest\n`);
    }
    const all = JSON.parse((await say('halt', '--all', '-o', 'json')).out);
    assert.ok(all.experiments.includes('rest') && all.schedules.includes('nightly'));
  });

  it('resume of a template whose run goes on does not say how to start it', async () => {
    const { spec } = record('slow');
    journal.experiments.put(
      record('slow', { spec: { ...spec, suspend: true }, runId: 'slow-1', hold: 'halted' }),
    );
    journal.runs.put(run('slow', 1, { template: true }));
    assert.doesNotMatch((await say('resume', 'slow')).err, /suspend/);
  });

  it('resume says what holds an experiment all the same', async () => {
    await say('halt', '--all');
    assert.match((await say('resume', 'rest')).err, /all chaos is halted still: `squall resume --all`/);
    await say('resume', '--all');
    assert.doesNotMatch((await say('resume', 'rest')).err, /still|suspend/);
    const { spec } = record('template');
    journal.experiments.put(record('template', { spec: { ...spec, suspend: true } }));
    assert.match((await say('resume', 'template')).err, /suspend: true: `squall run template` starts it\n$/);
  });

  it('halt and resume hold schedules, scenarios and what they started', async () => {
    fillObjects(journal);
    const halted = await say('halt', 'schedule/nightly', 'scn/game-day', 'nobody');
    assert.equal(halted.code, 1);
    assert.equal(
      halted.out,
      'schedule/nightly halted\nscenario/game-day halted\nexperiment/nightly-1 halted\n',
    );
    assert.match(halted.err, /no experiment is called "nobody"/);
    const holds = () => journal.objects.all().map(({ name, hold }) => `${name} ${hold}`);
    assert.deepEqual(holds(), ['default null', 'game-day halted', 'nightly halted']);
    assert.match(
      (await say('resume', 'nightly-1')).err,
      /with schedule\/nightly: `squall resume schedule\/nightly`/,
    );
    assert.equal(
      (await say('resume', 'sched/nightly')).out,
      'schedule/nightly resumed\nexperiment/nightly-1 resumed\n',
    );
    assert.deepEqual(holds(), ['default null', 'game-day halted', 'nightly null']);
    assert.match((await say('halt', 'nightly')).err, /hint: Did you mean schedule\/nightly\?/);
  });

  it('wants a name or --all', async () => {
    assert.equal((await say('halt')).code, 2);
    assert.match((await say('halt', '')).err, /error SQ501: halt what\?/);
    assert.equal((await say('halt', 'rest', '--all')).code, 2);
    assert.equal((await say('resume')).code, 2);
  });

  it('an unknown name is told', async () => assert.equal((await say('halt', 'nobody')).code, 1));
});

describe('with a daemon that hangs', () => {
  let hung: ChildProcess;

  /** A process that answers so many requests on the socket, and no more. */
  async function answering(times: number): Promise<void> {
    const code = `let left = ${times}; require('node:http').createServer((_, response) => left-- > 0 && response.end('ok'))
      .listen(process.argv[1], () => console.log('listening'))`;
    hung = spawn(process.execPath, ['-e', code, statePaths(state).socket], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(hung.stdout as NodeJS.EventEmitter, 'data');
  }

  afterEach(async () => {
    hung.kill('SIGKILL');
    await once(hung, 'exit');
  });

  for (const [when, times] of [
    ['from the start', 0],
    ['while it recovers', 1],
  ] as const)
    it(`${when}, halt --all does not wait for it`, async () => {
      await answering(times);
      const { code, err } = await say('halt', '--all');
      assert.equal(code, 0);
      assert.match(err, /did not answer within 2000 ms: acting without it/);
      assert.equal(openHaltFile(statePaths(state).halt).read(), true);
    });
});
