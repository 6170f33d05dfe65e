import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Container, ExperimentSpec, FaultSpec, Mode } from '../../src/core/types.ts';
import type { Action } from '../../src/plan/actions.ts';
import { planExperiment } from '../../src/plan/plan.ts';
import {
  BLOCK,
  container,
  declared,
  deepFreeze,
  idOf,
  KILL,
  PAUSE,
  planInput,
  RESTART,
  STOP,
} from './build.ts';
import { Model } from './model.ts';

const NAMES = ['web-0', 'web-1', 'web-2', 'web-3', 'web-4', 'web-5'];

/** At most one of those that use a target's life cycle, and rules beside it. */
const faults: fc.Arbitrary<FaultSpec[]> = fc
  .tuple(
    fc.option(fc.constantFrom(PAUSE, STOP, RESTART, KILL, { ...KILL, every: '10s' })),
    fc.subarray([BLOCK, { ...BLOCK, ports: [80] }]),
  )
  .map(([one, rules]) => (one ? [one, ...rules] : rules.length > 0 ? rules : [PAUSE]));

const mode: fc.Arbitrary<Mode> = fc.oneof(
  fc.constant<Mode>('all'),
  fc.constant<Mode>('one'),
  fc.integer({ min: 1, max: 4 }).map((count): Mode => ({ count })),
  fc.integer({ min: 1, max: 100 }).map((percent): Mode => ({ percent })),
  fc.integer({ min: 1, max: 100 }).map((maxPercent): Mode => ({ maxPercent })),
);

const specs: fc.Arbitrary<Partial<ExperimentSpec>> = fc
  .record({
    faults,
    mode,
    maxTargets: fc.integer({ min: 0, max: 6 }),
    duration: fc.constantFrom('5s', '60s', '2m'),
    suspend: fc.constantFrom(false, false, false, true),
  })
  .map(({ mode: wanted, maxTargets, ...rest }) => ({
    ...rest,
    targets: { select: { names: ['/^web/'] }, mode: wanted },
    blastRadius: { maxTargets },
  }));

/** A container with wishes of its own, which may live in the network namespace of another. */
const box = (name: string): fc.Arbitrary<Container> =>
  fc
    .record({
      optIn: fc.constantFrom(true, true, true, true, true, false),
      protect: fc.constantFrom(false, false, false, false, false, true),
      state: fc.constantFrom<Container['state'][]>('running', 'running', 'running', 'exited', 'paused'),
      restartPolicy: fc.constantFrom('no', 'always'),
      networkMode: fc.constantFrom(
        'net',
        'net',
        'net',
        'net',
        'net',
        'net',
        'host',
        `container:${idOf('web-0')}`,
      ),
    })
    .map((words) => container(name, words));

const world: fc.Arbitrary<Container[]> = fc
  .subarray(NAMES)
  .chain((names) => fc.tuple(...names.map(box)))
  .map((found) => [...found]);

/** The containers that these actions disturb. */
function hit(actions: readonly Action[]): Container[] {
  return actions.filter((action) => action.kind === 'inject').map(({ target }) => target);
}

function hasSaidYes({ labels }: Container): boolean {
  return labels['squall.enabled'] === 'true' && labels['squall.protect'] !== 'true';
}

/** All that live in the network namespace of one that is hit, itself too. */
function inNamespaceOf({ id, networkMode }: Container, found: readonly Container[]): Container[] {
  const owner = networkMode.startsWith('container:') ? networkMode.slice(10) : id;
  return found.filter((one) => one.pid > 0 && (one.id === owner || one.networkMode === `container:${owner}`));
}

describe('the plan of a new experiment, whatever the world', () => {
  it('is pure', () => {
    fc.assert(
      fc.property(specs, world, (change, found) => {
        const input = deepFreeze(planInput(found, { manifest: declared(change) }));
        assert.deepEqual(planExperiment(input), planExperiment(input));
      }),
    );
  });

  it('does not hang on the order of the containers', () => {
    const shuffled = world.chain((found) =>
      fc.tuple(fc.constant(found), fc.shuffledSubarray(found, { minLength: found.length })),
    );
    fc.assert(
      fc.property(specs, shuffled, (change, [found, other]) => {
        const plan = (containers: Container[]) =>
          planExperiment(planInput(containers, { manifest: declared(change) })).actions;
        assert.deepEqual(plan(other), plan(found));
      }),
    );
  });

  it('hits nobody who has not said yes, or is protected, by a namespace either', () => {
    fc.assert(
      fc.property(specs, world, (change, found) => {
        const { actions } = planExperiment(planInput(found, { manifest: declared(change) }));
        const entersNetwork = change.faults?.some(({ type }) => type === 'network-block');
        for (const target of hit(actions)) {
          assert.ok(hasSaidYes(target), target.name);
          assert.ok(target.pid > 0);
          if (entersNetwork) assert.ok(inNamespaceOf(target, found).every(hasSaidYes), target.name);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('hits no more than maxTargets, sharers included, and never the host', () => {
    fc.assert(
      fc.property(specs, world, (change, found) => {
        const { actions } = planExperiment(planInput(found, { manifest: declared(change) }));
        const network = change.faults?.some(({ type }) => type === 'network-block') ?? false;
        const targets = hit(actions);
        const disturbed = targets.flatMap((one) => (network ? inNamespaceOf(one, found) : [one]));
        assert.ok(new Set(disturbed).size <= (change.blastRadius?.maxTargets ?? 0));
        if (network) assert.ok(targets.every(({ networkMode }) => networkMode !== 'host'));
      }),
      { numRuns: 200 },
    );
  });

  it('writes a run before its first injection, and injects nothing but what the run holds', () => {
    fc.assert(
      fc.property(specs, world, (change, found) => {
        const [first, ...rest] = planExperiment(planInput(found, { manifest: declared(change) })).actions;
        if (!first) return;
        assert.ok(first.kind === 'start');
        const ids = first.run.targets.map(({ id }) => id);
        assert.ok(rest.every((action) => action.kind === 'inject' && ids.includes(action.target.id)));
      }),
    );
  });
});

type Step = (model: Model) => void;

const steps: fc.Arbitrary<{ text: string; step: Step }> = fc
  .oneof(
    specs.map((change) => ({
      text: `declare ${JSON.stringify(change)}`,
      step: (m: Model) => m.declare(declared(change)),
    })),
    fc.constant({ text: 'delete', step: (m: Model) => m.delete() }),
    fc.boolean().map((on) => ({ text: `halt ${on}`, step: (m: Model) => m.halt(on) })),
    fc
      .integer({ min: 1, max: 70_000 })
      .map((ms) => ({ text: `advance ${ms}`, step: (m: Model) => m.clock.advance(ms) })),
    fc
      .constantFrom(...NAMES)
      .chain((name) => box(name))
      .map((one) => ({
        text: `put ${JSON.stringify(one)}`,
        step: (m: Model) => m.put(one),
      })),
    fc.constantFrom(...NAMES).map((name) => ({ text: `remove ${name}`, step: (m: Model) => m.remove(name) })),
    fc.constantFrom(...NAMES).map((name) => ({
      text: `restart ${name}`,
      step: (m: Model) => {
        if (m.containers.some((one) => one.name === name)) m.start(name);
      },
    })),
  )
  .map((one) => ({ ...one, toString: () => one.text }));

describe('over any history', () => {
  it('plans come to rest, and what stands then is what is wanted, on nobody who refuses', () => {
    fc.assert(
      fc.property(specs, world, fc.array(steps, { maxLength: 8 }), (change, found, history) => {
        const model = new Model(...found);
        model.declare(declared(change));
        model.settle();
        holds(model);
        for (const { step } of history) {
          step(model);
          model.settle();
          holds(model);
        }
        model.delete();
        model.settle();
        assert.equal(model.phase(), undefined);
        assert.deepEqual(model.journal.effects.live(), [], 'a delete leaves nothing');
      }),
      { numRuns: 60 },
    );
  });
});

/** What must be true of a world at rest. */
function holds(model: Model): void {
  const live = model.journal.effects.live();
  const record = model.journal.experiments.get('exp');
  const run = record?.runId ? model.journal.runs.get(record.runId) : undefined;
  if (model.phase() !== 'Running') assert.deepEqual(live, [], `${model.phase()} leaves nothing`);
  if (model.halted) assert.deepEqual(live, [], 'a halt leaves nothing');
  for (const effect of live) {
    assert.ok(run);
    assert.equal(effect.runId, run.id, 'a standing fault is one of the run that goes on');
    const target = model.containers.find(({ id }) => id === effect.target.id);
    assert.ok(target, 'on a container that still exists');
    assert.ok(
      run.targets.some(({ id }) => id === target.id),
      'on a target of that run',
    );
    const slotted = run.faults.find(({ slot }) => slot === effect.slot);
    assert.ok(slotted, 'that is wanted');
    // a target that is down takes up an edit when it comes back
    if (target.pid > 0) assert.deepEqual(effect.fault, slotted.fault);
    assert.ok(model.clock.boot() < run.deadline.boot, 'no fault stands past its deadline');
  }
  if (model.phase() === 'Running' && run?.faults.some(({ fault }) => fault.type === 'container-pause'))
    for (const { id } of run.targets) assert.ok(carries(model, id), 'every target that is up has its fault');
}

/** The container is down or gone, or a pause stands in this incarnation of it. */
function carries(model: Model, id: string): boolean {
  const target = model.containers.find((one) => one.id === id);
  if (!target || target.pid === 0) return true;
  return model.journal.effects
    .live()
    .some(
      (effect) =>
        effect.fault.type === 'container-pause' &&
        effect.target.id === id &&
        effect.phase === 'injected' &&
        effect.incarnation === target.startedAt,
    );
}
