import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { createLog } from '../../src/core/log.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { createApp } from '../../src/server/server.ts';
import { createStreams } from '../../src/server/streams.ts';
import { event, fillState, type Scratch, scratch } from '../cli/fixture.ts';
import { type ScriptedControl, scriptedControl } from './scripted-control.ts';

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
  app = createApp({ journal, control, streams, metrics: async () => 'squall_up 1\n' }, createLog('silent'));
});

after(() => {
  journal.close();
  place.remove();
});

async function ask(method: 'GET' | 'POST', url: string) {
  const response = await app.inject({ method, url });
  return {
    status: response.statusCode,
    type: response.headers['content-type'],
    body: response.body,
    json: () => response.json(),
  };
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
    assert.deepEqual(json().items[0].metadata, { name: 'freeze-1', experiment: 'freeze', generation: 1 });
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

describe('acts', () => {
  it('reach the control', async () => {
    for (const act of ['halt', 'suspend', 'resume']) {
      const { status, json } = await ask('POST', `/api/v1/experiments/freeze/${act}`);
      assert.deepEqual([status, json()], [200, { experiments: ['freeze'], left: [] }]);
    }
    assert.deepEqual((await ask('POST', '/api/v1/experiments/freeze/run')).json(), { run: 'freeze-7' });
    await ask('POST', '/api/v1/halt');
    await ask('POST', '/api/v1/resume');
    assert.deepEqual(control.calls, [
      'halt freeze',
      'suspend freeze',
      'resume freeze',
      'run freeze',
      'halt all',
      'resume all',
    ]);
  });

  it('tell what is left', async () => {
    control.left = [{ target: 'web', fault: 'container-pause', error: 'busy' }];
    const { json } = await ask('POST', '/api/v1/halt');
    assert.deepEqual(json().left, control.left);
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
