import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Manifest, PolicySpec } from '../../../src/core/kinds.ts';
import { createLog } from '../../../src/core/log.ts';
import type { Container, Declared } from '../../../src/core/types.ts';
import { IN_MEMORY, openJournal } from '../../../src/journal/journal.ts';
import { desiredState } from '../../../src/manifests/desired.ts';
import type { ReconcileDeps } from '../../../src/reconcile/deps.ts';
import { createMetrics } from '../../../src/reconcile/metrics.ts';
import { reconcile } from '../../../src/reconcile/reconcile.ts';
import { FakeClock } from '../../lab/fake-clock.ts';
import { WHOLE_HOST } from '../../lab/host.ts';
import { containers, declared, policy } from '../build.ts';

const NAMES = ['a', 'b', 'c'];

/** Three experiments, each on a container of its own of one service, and an engine that takes its time to answer. */
function setup(spec: PolicySpec) {
  const clock = new FakeClock();
  const log = createLog('silent');
  const journal = openJournal(IN_MEMORY);
  const found = containers(3, 'web', { project: 'shop', service: 'web' });
  const world = new Map(found.map((one) => [one.id, one]));
  const manifests: (Declared | Manifest<'Policy'>)[] = NAMES.map((name, index) =>
    declared({ targets: { select: { names: [`web-${index}`] }, mode: 'all' } }, { name }),
  );
  const put = (id: string, state: Container['state']) => {
    world.set(id, { ...(world.get(id) as Container), state });
  };
  const script = { meanwhile: () => {} };
  const docker = {
    inspect: async (id: string) => {
      await new Promise((resolve) => setImmediate(resolve));
      script.meanwhile();
      return world.get(id);
    },
    pause: async (id: string) => put(id, 'paused'),
    unpause: async (id: string) => put(id, 'running'),
  };
  const state = () => desiredState([...manifests, policy(spec)], []);
  const deps = {
    ...{ journal, clock, log, claimant: 'daemon:1', at: () => {}, host: WHOLE_HOST, self: new Set() },
    faults: { clock, log, docker, instance: journal.instance },
    metrics: createMetrics('0', journal.instance),
    manifests: { state: () => (deps.policies ? state() : desiredState(manifests, [])) },
    inventory: { containers: () => [...world.values()], get: (id: string) => world.get(id) },
    hosts: { answers: () => new Map(), resolve: async () => {}, forget: () => {} },
    halt: { read: () => false },
    foreign: () => [],
    gate: () => ({ holds: true, message: '' }),
    policies: true,
  };
  const pass = (name: string) => reconcile(deps as unknown as ReconcileDeps, name, false);
  const phases = () => journal.experiments.all().map(({ phase }) => phase);
  const paused = () => [...world.values()].filter(({ state }) => state === 'paused').length;
  return { deps, journal, pass, phases, paused, script };
}

const LIMITS: [what: string, spec: PolicySpec, most: number, reason: string][] = [
  ['runs at once', { maxConcurrentRuns: 1 }, 1, 'TooManyRuns'],
  ['containers at once', { maxTargets: 2 }, 2, 'TooManyTargets'],
  ['a share of a service', { maxPercent: 34 }, 1, 'TooManyDown'],
  ['the health of a service', { minHealthy: 1 }, 2, 'TooManyDown'],
  ['a budget', { budget: [{ faultTime: '2m', window: '1h' }] }, 2, 'BudgetSpent'],
];

describe('starts that are planned at the same time', () => {
  for (const [what, spec, most, reason] of LIMITS)
    it(`keep ${what} all the same`, async () => {
      const { journal, pass, phases, paused } = setup(spec);
      await Promise.all(NAMES.map(pass));
      assert.equal(paused(), most);
      assert.equal(journal.runs.active().length, most);
      assert.deepEqual(phases().filter((phase) => phase === 'Denied').length, NAMES.length - most);
      const denied = journal.experiments.all().filter(({ phase }) => phase === 'Denied');
      assert.ok(denied.every((one) => one.reason === reason));
    });

  it('without a limit all start', async () => {
    const { pass, paused } = setup({});
    await Promise.all(NAMES.map(pass));
    assert.equal(paused(), 3);
  });

  it('obey a Policy that comes while they are prepared', async () => {
    const { deps, pass, paused, phases, script } = setup({ faults: { deny: ['container-pause'] } });
    deps.policies = false;
    script.meanwhile = () => {
      deps.policies = true;
    };
    await pass('a');
    assert.deepEqual([paused(), phases()], [0, ['Denied']]);
  });
});
