import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { createLog } from '../../src/core/log.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { createApp } from '../../src/server/app.ts';
import { openapiDocument } from '../../src/server/openapi.ts';
import { createStreams } from '../../src/server/streams.ts';
import { event, fillObjects, fillState, type Scratch, scratch } from '../cli/fixture.ts';
import { conforms } from './document.ts';
import { type ScriptedControl, scriptedControl } from './scripted-control.ts';

const NOTHING = { experiments: [], schedules: [], scenarios: [], left: [] };

let place: Scratch;
let journal: Journal;
let control: ScriptedControl;
let app: FastifyInstance;

before(() => {
  place = scratch();
  journal = fillState(join(place.dir, 'state'));
  journal.events.add(event('resting', { experiment: 'rest' }));
});

beforeEach(() => {
  control = scriptedControl();
  const streams = createStreams(journal, control);
  const document = openapiDocument;
  app = createApp(
    { journal, control, streams, metrics: async () => 'squall_up 1\n', document },
    createLog('silent'),
  );
});

after(() => {
  journal.close();
  place.remove();
});

async function ask(method: 'GET' | 'POST', url: string, from = app) {
  const response = await from.inject({ method, url });
  const [status, type, body] = [response.statusCode, response.headers['content-type'], response.body];
  await conforms({ method, url, status, type, body });
  return { status, type, body, json: () => response.json() };
}

describe('health and metrics', () => {
  it('tells that it lives', async () => {
    const { status, body } = await ask('GET', '/healthz');
    assert.deepEqual([status, body], [200, 'ok\n']);
  });

  it('tells whether it can act, and why not', async () => {
    assert.equal((await ask('GET', '/readyz')).status, 200);
    control.healthy = false;
    const { status, json } = await ask('GET', '/readyz');
    assert.equal(status, 503);
    assert.deepEqual(json().checks, [{ name: 'engine', ok: false, message: 'not connected' }]);
  });

  it('gives metrics as Prometheus reads them', async () => {
    const { type, body } = await ask('GET', '/metrics');
    assert.equal(type, 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(body, 'squall_up 1\n');
  });
});

describe('reads', () => {
  it('lists experiments with their runs, whole', async () => {
    const { json } = await ask('GET', '/api/v1/experiments');
    const [freeze, rest] = json().items;
    assert.equal(json().kind, 'List');
    assert.equal(freeze.metadata.name, 'freeze');
    assert.deepEqual(freeze.spec.targets.select, { services: ['worker'] });
    assert.deepEqual(freeze.metadata.labels, { suite: 'nightly' });
    assert.equal(freeze.status.run.effects[0].phase, 'injected');
    assert.equal(rest.status.run, null);
  });

  it('gives one experiment', async () => {
    const { status, json } = await ask('GET', '/api/v1/experiments/freeze');
    assert.deepEqual([status, json().status.phase, json().status.run.id], [200, 'Running', 'freeze-1']);
  });

  it('names the nearest for an unknown one', async () => {
    const { status, json } = await ask('GET', '/api/v1/experiments/freze');
    assert.equal(status, 404);
    assert.deepEqual(json(), {
      error: { code: 'SQ502', message: 'no experiment is called "freze"', hint: 'Did you mean "freeze"?' },
    });
  });

  it('lists runs, of one experiment if asked', async () => {
    const { json } = await ask('GET', '/api/v1/runs?experiment=freeze');
    assert.deepEqual(json().items[0].metadata, {
      name: 'freeze-1',
      experiment: 'freeze',
      generation: 1,
      owner: null,
      copyOf: null,
    });
    assert.equal(json().items[0].status.reason, 'Injected');
    assert.deepEqual((await ask('GET', '/api/v1/runs?experiment=rest')).json().items, []);
  });

  it('lists events, after one and of one experiment if asked', async () => {
    const messages = async (query: string) => {
      const { json } = await ask('GET', `/api/v1/events${query}`);
      return json().items.map(({ message }: { message: string }) => message);
    };
    assert.deepEqual(await messages(''), ['paused shop-worker-1', 'resting']);
    assert.deepEqual(await messages('?after=1'), ['resting']);
    assert.deepEqual(await messages('?experiment=freeze'), ['paused shop-worker-1']);
    assert.deepEqual(await messages('?limit=1'), ['resting']);
  });
});

describe('the other kinds', () => {
  let filled: Journal;
  let objects: FastifyInstance;

  before(() => {
    filled = fillState(join(place.dir, 'objects'));
    fillObjects(filled);
  });

  beforeEach(() => {
    const streams = createStreams(filled, control);
    const deps = { journal: filled, control, streams, metrics: async () => '', document: openapiDocument };
    objects = createApp(deps, createLog('silent'));
  });

  after(() => filled.close());

  const askThem = (method: 'GET' | 'POST', url: string) => ask(method, url, objects);

  it('are listed and read', async () => {
    for (const [plural, kind, name] of [
      ['schedules', 'Schedule', 'nightly'],
      ['scenarios', 'Scenario', 'game-day'],
      ['policies', 'Policy', 'default'],
    ]) {
      const [first] = (await askThem('GET', `/api/v1/${plural}`)).json().items;
      assert.deepEqual([first.kind, first.metadata.name], [kind, name]);
      assert.deepEqual((await askThem('GET', `/api/v1/${plural}/${name}`)).json(), first);
      assert.equal((await askThem('GET', `/api/v1/${plural}/nothing`)).status, 404);
    }
  });

  it('are whole: times, steps, what is active, and who owns what', async () => {
    const { status } = (await askThem('GET', '/api/v1/schedules/nightly')).json();
    assert.deepEqual(status.active, ['nightly-1']);
    assert.match(status.nextScheduleTime, /^\d{4}-.*Z$/);
    const { run, history } = (await askThem('GET', '/api/v1/scenarios/game-day')).json().status;
    assert.deepEqual([run.steps.length, run.steps[2].experiment, history.length], [5, 'game-day-3-3', 1]);
    const owned = (await askThem('GET', '/api/v1/experiments/nightly-1')).json();
    assert.equal(owned.metadata.owner.name, 'nightly');
    assert.equal(owned.status.run.provenance.commit.length, 40);
  });

  it('are run, halted, suspended and resumed; a Policy is not', async () => {
    for (const act of ['run', 'halt', 'suspend', 'resume']) {
      assert.equal((await askThem('POST', `/api/v1/schedules/nightly/${act}`)).status, 200);
      assert.equal((await askThem('POST', `/api/v1/scenarios/game-day/${act}`)).status, 200);
      assert.equal((await askThem('POST', `/api/v1/policies/default/${act}`)).status, 404);
    }
    await askThem('POST', '/api/v1/suspend');
    assert.deepEqual(control.calls, [
      ...['run', 'halt', 'suspend', 'resume'].flatMap((act) => [
        `${act} Schedule/nightly`,
        `${act} Scenario/game-day`,
      ]),
      'suspend all',
    ]);
  });

  it('have events, with what they started', async () => {
    const about = async (query: string) => {
      const { json } = await askThem('GET', `/api/v1/events?${query}`);
      return json().items.map((one: Record<string, unknown>) => [
        one.object,
        one.experiment,
        one.commit !== null,
      ]);
    };
    const [fired, injected] = [
      ['Schedule/nightly', null, false],
      [null, 'nightly-1', true],
    ];
    assert.deepEqual(await about('object=schedule/nightly'), [fired, injected]);
    assert.deepEqual(await about('object=Schedule/nightly&limit=1'), [injected]);
    assert.deepEqual(await about('object=experiment/nightly-1'), [injected]);
    assert.deepEqual(await about('object=policy/default'), []);
    assert.equal((await askThem('GET', '/api/v1/events?object=nightly')).status, 400);
    assert.equal((await askThem('GET', '/api/v1/events/stream?object=nightly')).status, 400);
  });
});

describe('a sync', () => {
  it('is asked for with any body, or none', async () => {
    control.git = { url: '/srv/chaos.git', branch: 'main', commit: null, fetchedAt: null, error: 'gone' };
    const url = '/api/v1/git/sync';
    assert.deepEqual((await ask('POST', url)).json(), control.git);
    for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/nonsense'])
      for (const payload of ['payload=%7B', 'x'.repeat(200_000)]) {
        const sent = await app.inject({ method: 'POST', url, headers: { 'content-type': type }, payload });
        assert.equal(sent.statusCode, 200, type);
      }
    const other = {
      method: 'POST',
      url: '/api/v1/halt',
      headers: { 'content-type': 'text/nonsense' },
      payload: 'x',
    } as const;
    assert.equal((await app.inject(other)).statusCode, 400, 'nowhere else');
  });

  it('is refused where there is no repository', async () => {
    assert.equal((await ask('POST', '/api/v1/git/sync')).status, 404);
  });
});

describe('acts', () => {
  it('reach the control', async () => {
    for (const act of ['halt', 'suspend', 'resume']) {
      const { status, json } = await ask('POST', `/api/v1/experiments/freeze/${act}`);
      assert.deepEqual([status, json()], [200, { ...NOTHING, experiments: ['freeze'] }]);
    }
    assert.deepEqual((await ask('POST', '/api/v1/experiments/freeze/run')).json(), {
      run: 'freeze-7',
      object: 'Experiment/freeze',
    });
    await ask('POST', '/api/v1/halt');
    await ask('POST', '/api/v1/resume');
    assert.deepEqual(control.calls, [
      'halt Experiment/freeze',
      'suspend Experiment/freeze',
      'resume Experiment/freeze',
      'run Experiment/freeze',
      'halt all',
      'resume all',
    ]);
  });

  it('tell what is left', async () => {
    control.left = [{ target: 'web', fault: 'container-pause', error: 'busy' }];
    const { json } = await ask('POST', '/api/v1/halt');
    assert.deepEqual(json().left, control.left);
  });

  it('tell nothing that the document does not name', async () => {
    control.halt = async () => ({ ...NOTHING, secret: 'x' });
    assert.deepEqual((await ask('POST', '/api/v1/halt')).json(), NOTHING);
  });

  it('give the error of the control, with its status', async () => {
    const unknown = await ask('POST', '/api/v1/experiments/nobody/halt');
    assert.deepEqual([unknown.status, unknown.json().error.code], [404, 'SQ502']);
    const held = await ask('POST', '/api/v1/experiments/held/run');
    assert.deepEqual([held.status, held.json().error.hint], [409, 'squall resume held']);
  });

  it('are no reads', async () => {
    assert.equal((await ask('GET', '/api/v1/halt')).status, 404);
    assert.deepEqual(control.calls, []);
  });
});

describe('what is wrong with a request', () => {
  it('is told as JSON with a code', async () => {
    const nowhere = await ask('GET', '/api/v2/x?y=1');
    assert.deepEqual(
      [nowhere.status, nowhere.json().error],
      [404, { code: 'SQ502', message: 'there is no GET /api/v2/x', hint: null }],
    );
    const bad = await ask('GET', '/api/v1/events?after=yesterday');
    assert.deepEqual([bad.status, bad.json().error.code], [400, 'SQ501']);
  });

  it('is not a defect of the daemon told as one of the request', async () => {
    control.halt = () => Promise.reject(new TypeError('x is not a function'));
    const { status, json } = await ask('POST', '/api/v1/halt');
    assert.deepEqual([status, json().error.code], [500, 'SQ303']);
  });
});
