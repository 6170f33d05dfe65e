import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SquallError } from '../../src/core/errors.ts';
import { createLog } from '../../src/core/log.ts';
import type { Container, ExperimentSpec } from '../../src/core/types.ts';
import { IN_MEMORY, openJournal } from '../../src/journal/journal.ts';
import { desiredState } from '../../src/manifests/desired.ts';
import { planExperiment } from '../../src/plan/plan.ts';
import { injectAll, recoverAll } from '../../src/reconcile/act.ts';
import { commit } from '../../src/reconcile/commit.ts';
import type { ReconcileDeps } from '../../src/reconcile/deps.ts';
import { gather } from '../../src/reconcile/gather.ts';
import { createMetrics } from '../../src/reconcile/metrics.ts';
import { injectionsOf } from '../../src/reconcile/prepare.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { WHOLE_HOST } from '../lab/host.ts';
import { containers, declared, PAUSE } from '../plan/build.ts';

/** Two containers that can be paused, a journal in memory, and a manifest that pauses them. */
function setup() {
  const clock = new FakeClock();
  const log = createLog('silent');
  const journal = openJournal(IN_MEMORY);
  const world = new Map(containers(2).map((one) => [one.id, one]));
  const script = { fails: new Map<string, Error>(), calls: [] as string[], meanwhile: () => {} };
  const set = async (id: string, verb: string, state: Container['state']) => {
    const one = world.get(id) as Container;
    script.calls.push(`${verb} ${one.name}`);
    const error = script.fails.get(one.name);
    if (error) throw error;
    script.meanwhile();
    world.set(id, { ...one, state });
  };
  const docker = {
    inspect: async (id: string) => world.get(id),
    pause: (id: string) => set(id, 'pause', 'paused'),
    unpause: (id: string) => set(id, 'unpause', 'running'),
  };
  const manifests = new Map([['exp', declared()]]);
  const metrics = createMetrics('0', journal.instance);
  const deps = {
    journal,
    clock,
    log,
    claimant: 'daemon:1',
    faults: { clock, log, docker, instance: journal.instance },
    at: () => {},
    metrics,
    manifests: { state: () => desiredState(manifests.values(), []) },
    gate: () => ({ holds: true, message: '' }),
    inventory: { containers: () => [...world.values()] },
    hosts: { answers: () => new Map() },
    halt: { read: () => false },
    host: WHOLE_HOST,
    foreign: () => [],
    self: new Set(),
  } as unknown as ReconcileDeps;
  /** One pass: plan, write, act. */
  const pass = async () => {
    const input = gather(deps, 'exp', 'uid');
    const plan = planExperiment(input);
    const prepared = injectionsOf(plan).map((injection) => ({ injection, undo: {} }));
    const committed = commit(deps, input, plan, prepared);
    await injectAll(deps, input, committed);
    return recoverAll(deps, plan, 60_000);
  };
  const phases = () => journal.effects.ofRun('exp-1').map(({ target, phase }) => `${target.name} ${phase}`);
  const states = () => [...world.values()].map(({ name, state }) => `${name} ${state}`);
  return { clock, journal, manifests, metrics, script, deps, pass, phases, states };
}

const BOTH_PAUSED = ['web-0 paused', 'web-1 paused'];

describe('injecting', () => {
  it('changes the world and marks what stands', async () => {
    const { pass, phases, states, journal } = setup();
    await pass();
    assert.deepEqual(states(), BOTH_PAUSED);
    assert.deepEqual(phases(), ['web-0 injected', 'web-1 injected']);
    assert.deepEqual(
      journal.events.list().map(({ reason, target }) => [reason, target]),
      [
        ['Started', null],
        ['Injected', 'web-0'],
        ['Injected', 'web-1'],
      ],
    );
  });

  it('takes out again what somebody recovered while it went in', async () => {
    const { pass, script, journal, clock, states } = setup();
    script.meanwhile = () => {
      script.meanwhile = () => {};
      const claim = { claimant: 'sentinel:2', now: clock.now(), boot: clock.boot() };
      for (const effect of journal.effects.live()) {
        const claimed = journal.effects.claim(effect, claim);
        if (claimed) journal.effects.recovered(claimed, clock.now());
      }
    };
    await pass();
    assert.deepEqual(states(), ['web-0 running', 'web-1 running']);
  });

  it('that came after its recovery, and can not be taken out just now, is owed still', async () => {
    const { pass, script, journal, clock, states, phases } = setup();
    script.meanwhile = () => {
      script.meanwhile = () => {};
      const [effect] = journal.effects.live();
      assert.ok(effect);
      const claim = { claimant: 'sentinel:2', now: clock.now(), boot: clock.boot() };
      const claimed = journal.effects.claim(effect, claim);
      assert.ok(claimed && journal.effects.recovered(claimed, clock.now()));
      // from here on the engine does not answer for it
      const down = new SquallError('SQ301', 'no answer', { terminal: false });
      queueMicrotask(() => script.fails.set(effect.target.name, down));
    };
    await pass();
    assert.deepEqual(states(), BOTH_PAUSED);
    assert.deepEqual(phases(), ['web-0 recovering', 'web-1 injected']);
    script.fails.clear();
    clock.advance(60_000);
    await pass();
    assert.deepEqual(states(), ['web-0 running', 'web-1 running']);
  });

  it('is over for every target when the pass is, also where one could not be marked', async () => {
    const { deps, pass, states, journal } = setup();
    const broken = { ...journal.effects };
    let marks = 0;
    broken.injected = (...args) => {
      marks += 1;
      if (marks === 1) throw new SquallError('SQ305', 'the disk is full', { terminal: false });
      return journal.effects.injected(...args);
    };
    Object.assign(deps, { journal: { ...journal, effects: broken } });
    const { docker } = deps.faults as unknown as { docker: { pause: (id: string) => Promise<void> } };
    const pause = docker.pause;
    docker.pause = async (id) => {
      if (marks > 0 || states().includes('web-0 paused'))
        await new Promise((resolve) => setTimeout(resolve, 20));
      return pause(id);
    };
    await assert.rejects(pass(), { code: 'SQ305' });
    assert.deepEqual(states(), BOTH_PAUSED, 'nobody acts on after the pass has ended');
  });

  it('that fails for good on one target is undone there, and ends the run as Failed', async () => {
    const { pass, script, journal, states } = setup();
    script.fails.set('web-1', new SquallError('SQ303', 'cannot pause'));
    await pass();
    const run = journal.runs.get('exp-1');
    assert.deepEqual([run?.phase, run?.outcome, run?.reason], ['Recovering', 'Failed', 'InjectFailed']);
    await pass();
    assert.deepEqual(states(), ['web-0 running', 'web-1 running']);
    await pass();
    assert.equal(journal.experiments.get('exp')?.phase, 'Failed');
  });

  it('that fails for now is tried again, and the run goes on', async () => {
    const { pass, script, journal, states } = setup();
    script.fails.set('web-1', new SquallError('SQ301', 'no answer', { terminal: false }));
    await assert.rejects(pass(), { code: 'SQ301' });
    assert.equal(journal.runs.get('exp-1')?.phase, 'Running');
    script.fails.clear();
    await pass();
    assert.deepEqual(states(), BOTH_PAUSED);
  });
});

describe('recovering', () => {
  it('undoes what the plan takes out, in the same pass', async () => {
    const { pass, states, manifests, clock, journal } = setup();
    await pass();
    clock.advance(60_000);
    assert.equal(await pass(), undefined);
    assert.deepEqual(states(), ['web-0 running', 'web-1 running']);
    manifests.clear();
    assert.deepEqual(journal.effects.live(), []);
  });

  it('undoes what an edit takes out in the pass that takes the edit up', async () => {
    const { pass, states, manifests, journal } = setup();
    await pass();
    const targets: ExperimentSpec['targets'] = { select: { names: ['web-0'] }, mode: 'all' };
    manifests.set('exp', declared({ targets, faults: [PAUSE] }));
    assert.equal(await pass(), undefined, 'nobody else has it: there is nothing to wait for');
    assert.deepEqual(states(), ['web-0 paused', 'web-1 running']);
    assert.equal(journal.effects.live().length, 1);
  });

  it('that could not be written down is done again, and not at once', async () => {
    const { deps, pass, clock, states, journal } = setup();
    await pass();
    clock.advance(60_000);
    await pass();
    assert.deepEqual(states(), ['web-0 running', 'web-1 running']);
    const { plan, input } = {
      plan: planExperiment(gather(deps, 'exp', 'uid')),
      input: gather(deps, 'exp', 'uid'),
    };
    assert.equal(input.effects.length, 2);
    const full = () => {
      throw new SquallError('SQ305', 'the disk is full', { terminal: false });
    };
    Object.assign(deps, { journal: { ...journal, transaction: full } });
    const recover = input.effects.map((effect) => ({
      kind: 'recover' as const,
      effect,
      reason: 'ending' as const,
    }));
    assert.equal(await recoverAll(deps, { ...plan, actions: recover }, 60_000), 1000);
  });

  it('that must wait says for how long', async () => {
    const { pass, script, clock, phases } = setup();
    await pass();
    clock.advance(60_000);
    script.fails.set('web-0', new SquallError('SQ301', 'no answer', { terminal: false }));
    assert.equal(await pass(), 250);
    assert.deepEqual(phases(), ['web-0 recovering', 'web-1 recovered']);
  });
});
