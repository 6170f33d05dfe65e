import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SquallError } from '../../src/core/errors.ts';
import { createLog } from '../../src/core/log.ts';
import type { Container } from '../../src/core/types.ts';
import { IN_MEMORY, openJournal } from '../../src/journal/journal.ts';
import { desiredState } from '../../src/manifests/desired.ts';
import type { ReconcileDeps } from '../../src/reconcile/deps.ts';
import { createMetrics } from '../../src/reconcile/metrics.ts';
import { reconcile } from '../../src/reconcile/reconcile.ts';
import type { Step } from '../../src/reconcile/steps.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { WHOLE_HOST } from '../lab/host.ts';
import { container, containers, declared, idOf, record } from '../plan/build.ts';

/** A manifest that pauses web-*, and a world in which something may happen at the first look at a target. */
function setup(...found: Container[]) {
  const clock = new FakeClock();
  const log = createLog('silent');
  const journal = openJournal(IN_MEMORY);
  const world = new Map(found.map((one) => [one.id, one]));
  const manifests = new Map([['exp', declared()]]);
  const script = { meanwhile: () => {}, steps: [] as Step[], halted: [] as boolean[] };
  const put = (id: string, change: Partial<Container>) => {
    world.set(id, { ...(world.get(id) as Container), ...change });
  };
  const docker = {
    inspect: async (id: string) => {
      await new Promise((resolve) => setImmediate(resolve));
      const { meanwhile } = script;
      script.meanwhile = () => {};
      meanwhile();
      return world.get(id);
    },
    pause: async (id: string) => put(id, { state: 'paused' }),
    unpause: async (id: string) => put(id, { state: 'running' }),
  };
  const deps = {
    journal,
    clock,
    log,
    claimant: 'daemon:1',
    faults: { clock, log, docker, instance: journal.instance },
    at: (step: Step) => script.steps.push(step),
    metrics: createMetrics('0', journal.instance),
    manifests: { state: () => desiredState(manifests.values(), []) },
    gate: () => ({ holds: true, message: '' }),
    inventory: { containers: () => [...world.values()], get: (id: string) => world.get(id) },
    hosts: { answers: () => new Map(), resolve: async () => {}, forget: () => {} },
    halt: { read: () => script.halted.shift() ?? false },
    host: WHOLE_HOST,
    foreign: () => [],
    self: new Set(),
  } as unknown as ReconcileDeps;
  const pass = (look = false) => reconcile(deps, 'exp', look);
  const states = () => [...world.values()].map(({ name, state }) => `${name} ${state}`).sort();
  const object = () => journal.experiments.get('exp');
  return { docker, clock, journal, world, manifests, script, put, pass, states, object };
}

describe('a pass', () => {
  it('starts what is wanted, asks for another look, and then for the deadline', async () => {
    const { pass, states, script } = setup(...containers(2));
    assert.deepEqual(await pass(), {
      again: true,
      after: undefined,
      injected: 2,
      forgotten: false,
      refusal: undefined,
    });
    assert.deepEqual(states(), ['web-0 paused', 'web-1 paused']);
    assert.deepEqual(script.steps.slice(0, 3), ['before-intent', 'after-intent', 'after-inject']);
    assert.deepEqual(await pass(), {
      again: false,
      after: 60_000,
      injected: 0,
      forgotten: false,
      refusal: undefined,
    });
  });

  it('tells when the object is gone', async () => {
    const { pass, manifests, object } = setup(...containers(1));
    await pass();
    manifests.clear();
    assert.equal((await pass()).forgotten, false);
    assert.equal((await pass()).forgotten, true);
    assert.equal(object(), undefined);
  });

  it('looks into the world when it is asked to, and repairs', async () => {
    const { pass, put, states, clock } = setup(...containers(1));
    await pass();
    put(idOf('web-0'), { state: 'running' });
    clock.advance(1000);
    assert.equal((await pass()).injected, 0);
    assert.equal((await pass(true)).injected, 1);
    assert.deepEqual(states(), ['web-0 paused']);
  });
});

describe('what can not go in just now', () => {
  it('holds up neither other targets nor what is to come out', async () => {
    const { pass, manifests, states, script, docker } = setup(...containers(3));
    const only = (names: string[]) => declared({ targets: { select: { names }, mode: 'all' } });
    manifests.set('exp', only(['web-0']));
    await pass();
    manifests.set('exp', only(['web-1', 'web-2']));
    const inspect = docker.inspect;
    docker.inspect = async (id) => {
      if (id === idOf('web-1')) throw new SquallError('SQ301', 'no answer', { terminal: false });
      return inspect(id);
    };
    await assert.rejects(pass(), { code: 'SQ301' });
    assert.deepEqual(states(), ['web-0 running', 'web-1 running', 'web-2 paused']);
    docker.inspect = inspect;
    await pass();
    assert.deepEqual(states(), ['web-0 running', 'web-1 paused', 'web-2 paused']);
    assert.ok(script.steps.length > 0);
  });
});

describe('what happens while a pass prepares', () => {
  it('is part of what it decides: a new match is hit too', async () => {
    const { pass, script, world, states, journal } = setup(...containers(1));
    const late = container('web-1');
    script.meanwhile = () => world.set(late.id, late);
    await pass();
    assert.deepEqual(states(), ['web-0 paused', 'web-1 paused']);
    assert.equal(journal.runs.get('exp-1')?.targets.length, 2);
  });

  it('is part of what it decides: a manifest that goes is not started', async () => {
    const { pass, script, manifests, states, journal } = setup(...containers(1));
    script.meanwhile = () => manifests.clear();
    await pass();
    assert.deepEqual(states(), ['web-0 running']);
    assert.deepEqual(journal.runs.list(), []);
  });

  it('is part of what it decides: a halt is obeyed', async () => {
    const { pass, script, journal, states, object } = setup(...containers(1));
    journal.experiments.put(record(declared()));
    script.meanwhile = () => journal.experiments.put(record(declared(), { hold: 'halted' }));
    await pass();
    assert.deepEqual(states(), ['web-0 running']);
    assert.deepEqual([object()?.hold, object()?.phase], ['halted', 'Halted']);
  });

  it('is part of what it decides: a halt that is lifted starts no run that nothing was prepared for', async () => {
    const { pass, script, states, journal } = setup(...containers(1));
    script.halted = [true]; // for the first look only
    await pass();
    const [run] = journal.runs.list();
    assert.equal(journal.effects.ofRun(run?.id ?? '').length, 1, 'its intent was written with it');
    assert.deepEqual(states(), ['web-0 paused']);
  });

  it('is not lost where a fault refuses its target: a halt is remembered', async () => {
    const { pass, script, journal, object, put } = setup(...containers(1));
    journal.experiments.put(record(declared()));
    script.meanwhile = () => {
      put(idOf('web-0'), { state: 'paused' }); // by somebody else: the fault refuses
      journal.experiments.put(record(declared(), { hold: 'halted' }));
    };
    await pass();
    assert.equal(object()?.hold, 'halted');
  });
});

describe('a fault that refuses its target when it looks at it', () => {
  it('denies the start, touches nothing, and is offered again later', async () => {
    const { pass, states, journal, object } = setup(
      container('web-0'),
      container('web-1', { state: 'paused' }),
    );
    const result = await pass();
    assert.deepEqual([result.again, result.after, result.injected], [false, 5000, 0]);
    assert.deepEqual(states(), ['web-0 running', 'web-1 paused']);
    assert.deepEqual([object()?.phase, object()?.reason], ['Denied', 'FaultRefuses']);
    assert.deepEqual(journal.effects.live(), []);
  });
});
