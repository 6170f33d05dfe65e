import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ScenarioSpec, StepSpec } from '../../src/core/kinds.ts';
import { activeRun, type ScenarioRun, stateOf } from '../../src/scenario/state.ts';
import { type Step, stepTree } from '../../src/scenario/steps.ts';
import { container } from '../probes/support.ts';
import { EXPERIMENT, Stage } from './stage.ts';

const PROBE = { type: 'container', container: 'web', interval: '1s' };

const leaf: fc.Arbitrary<StepSpec> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<StepSpec>({ experiment: EXPERIMENT }) },
  { weight: 1, arbitrary: fc.constantFrom<StepSpec>({ wait: '0s' }, { wait: '5s' }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<StepSpec>({ probe: PROBE }, { probe: { ...PROBE, within: '20s' } }),
  },
  { weight: 1, arbitrary: fc.constant<StepSpec>({ experimentRef: { name: 'nobody' } }) },
);

const { step } = fc.letrec<{ step: StepSpec; list: StepSpec[] }>((tie) => ({
  step: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    leaf,
    tie('list').map((serial): StepSpec => ({ serial })),
    tie('list').map((parallel): StepSpec => ({ parallel })),
  ),
  list: fc.array(tie('step'), { minLength: 1, maxLength: 3 }),
}));

const spec: fc.Arbitrary<ScenarioSpec> = fc
  .record({
    steps: fc.array(step, { minLength: 1, maxLength: 4 }),
    onFailure: fc.constantFrom('abort' as const, 'continue' as const),
    timeout: fc.option(fc.constant('2m'), { nil: undefined, freq: 3 }),
  })
  .map(({ timeout, ...rest }) => (timeout === undefined ? rest : { ...rest, timeout }));

type Act =
  | { kind: 'begin' | 'end' | 'halt-child' | 'rest'; which: number; how: number }
  | { kind: 'time'; ms: number }
  | { kind: 'restart' | 'crash' | 'web' | 'halt' | 'resume' | 'edit' | 'request' };

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('begin' as const, 'end' as const),
      which: fc.nat(9),
      how: fc.nat(9),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('rest' as const, 'halt-child' as const),
      which: fc.nat(9),
      how: fc.nat(9),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(10, 1000, 6000, 40_000) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('restart' as const, 'crash' as const, 'web' as const) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('halt' as const, 'resume' as const, 'edit' as const, 'request' as const),
    }),
  },
);

/** The outcomes of a run, mostly good. */
const OUTCOMES = [...Array(8).fill('Completed'), 'Aborted', 'Failed'] as const;
const REFUSALS = ['Pending', 'Pending', 'Denied', 'Invalid'] as const;

/** A scenario that a test plays with, and what must hold of it at every moment. */
class Play {
  readonly stage = new Stage();
  readonly seen = new Set<string>();
  readonly gone = new Set<string>();
  readonly ended = new Map<string, string>();
  #spec: ScenarioSpec;
  /** The spec of each run, by its id. */
  readonly specs = new Map<string, ScenarioSpec>();

  constructor(wanted: ScenarioSpec) {
    this.#spec = wanted;
  }

  /** Experiments that a pass could begin now. */
  get waiting(): string[] {
    return this.stage.wanted().filter((name) => this.#phase(name) === 'none');
  }

  get running(): string[] {
    return this.stage.journal.runs.active().map(({ experiment }) => experiment);
  }

  #phase(name: string): 'none' | 'active' | 'ended' {
    const run = this.stage.journal.runs.get(`${name}-1`);
    if (!run) return 'none';
    return run.endedAt === null ? 'active' : 'ended';
  }

  async declare(): Promise<void> {
    await this.stage.declare('s', this.#spec);
    this.check();
  }

  async act(what: Act): Promise<void> {
    const { stage, waiting, running } = this;
    const pick = (names: string[]) =>
      'which' in what && names.length > 0 ? names[what.which % names.length] : undefined;
    const how = 'how' in what ? what.how : 0;
    const [idle, busy] = [pick(waiting), pick(running)];
    if (what.kind === 'begin' && idle !== undefined) await stage.begin(idle);
    else if (what.kind === 'rest' && idle !== undefined)
      await stage.rest(idle, REFUSALS[how % REFUSALS.length] ?? 'Pending');
    else if (what.kind === 'end' && busy !== undefined) await stage.end(busy, OUTCOMES[how], 'Why');
    else if (what.kind === 'halt-child' && busy !== undefined && stage.isWanted(busy))
      await stage.rest(busy, 'Halted');
    else if (what.kind === 'time') await stage.pass(what.ms);
    else if (what.kind === 'web') stage.containers = stage.containers.length > 0 ? [] : [container('web')];
    else if (what.kind === 'restart') await stage.restart();
    else if (what.kind === 'crash') this.#crash();
    else if (what.kind === 'halt') await stage.hold('s', 'halted');
    else if (what.kind === 'resume') await stage.hold('s', null);
    else if (what.kind === 'edit') await this.#edit();
    else if (what.kind === 'request') await this.request();
    this.check();
  }

  /** The next write comes to nothing, as where the daemon dies in the middle of it. */
  #crash(): void {
    this.stage.beforeWrite = () => {
      this.stage.beforeWrite = () => {};
      throw new Error('the daemon died');
    };
  }

  async #edit(): Promise<void> {
    this.#spec = { ...this.#spec, steps: [...this.#spec.steps, { wait: '1s' }] };
    await this.declare();
  }

  async request(): Promise<void> {
    const record = this.stage.journal.objects.get('Scenario', 's');
    if (!record || activeRun(record)) return;
    this.stage.journal.objects.put({
      ...record,
      state: { ...stateOf(record), runRequested: 'manual' } as never,
    });
    await this.stage.wake('s');
  }

  /** Everything goes well from now on. */
  async finish(): Promise<void> {
    const { stage } = this;
    await stage.hold('s', null).catch(() => {});
    stage.containers = [container('web')];
    stage.beforeWrite = () => {};
    await stage.restart();
    for (let turn = 0; turn < 200; turn += 1) {
      this.check();
      const [idle, busy] = [this.waiting[0], this.running[0]];
      if (idle !== undefined) await stage.begin(idle);
      else if (busy !== undefined) await stage.end(busy);
      else if (activeRun(stage.object('s'))) await stage.pass(5000);
      else return;
    }
    assert.fail(`it does not end: ${stage.status('s')}`);
  }

  check(): void {
    this.#namesAreUsedOnce();
    const record = this.stage.journal.objects.get('Scenario', 's');
    const { run } = record ? stateOf(record) : { run: null };
    if (!run) return;
    if (!this.specs.has(run.id)) this.specs.set(run.id, this.#spec);
    this.#inOrder(run);
    this.#endedStaysEnded(run);
    this.#endRecoversAll(run);
    const events = this.stage.events();
    const starts = events.filter((event) => event.startsWith('Started'));
    assert.equal(new Set(starts).size, starts.length, 'a run starts once');
  }

  #namesAreUsedOnce(): void {
    const now = new Set(this.stage.journal.spawned.all().map(({ name }) => name));
    for (const name of now) assert.ok(!this.gone.has(name), `${name} is wanted once more`);
    for (const name of this.seen) if (!now.has(name)) this.gone.add(name);
    for (const name of now) this.seen.add(name);
  }

  /** In a `serial` nothing begins, and no experiment is in the world, beside what comes later. */
  #inOrder(run: ScenarioRun): void {
    const tree = stepTree((this.specs.get(run.id) ?? assert.fail()).steps);
    const visit = (steps: readonly Step[], serial: boolean): void => {
      if (serial)
        for (const [at, later] of steps.entries())
          for (const before of steps.slice(0, at))
            if (run.steps[later.path]?.startedAt != null) this.#isOver(run, before, later.path);
      for (const { children, kind } of steps) visit(children, kind === 'serial');
    };
    visit(tree, true);
  }

  #isOver(run: ScenarioRun, before: Step, later: string): void {
    const state = run.steps[before.path];
    assert.ok(state?.endedAt != null, `${later} began before ${before.path} ended`);
    assert.ok(state.endedAt <= (run.steps[later]?.startedAt ?? 0));
    if (state.experiment !== undefined)
      assert.notEqual(this.#phase(state.experiment), 'active', `${state.experiment} is in the world still`);
    for (const child of before.children) this.#isOver(run, child, later);
  }

  #endedStaysEnded(run: ScenarioRun): void {
    for (const [path, { phase, endedAt }] of Object.entries(run.steps)) {
      const key = `${run.id} ${path}`;
      const before = this.ended.get(key);
      if (before !== undefined) assert.equal(phase, before, key);
      if (endedAt !== null) this.ended.set(key, phase);
    }
  }

  #endRecoversAll(run: ScenarioRun): void {
    const mine = Object.values(run.steps).map(({ experiment }) => experiment);
    if (run.failedStep !== null && this.specs.get(run.id)?.onFailure === 'abort')
      assert.notEqual(run.ending, null, 'it goes on after a failure');
    if (run.ending === null) return;
    const open = this.stage.wanted().filter((name) => mine.includes(name) && this.#phase(name) !== 'ended');
    assert.deepEqual(open, [], 'the end is decided, and these are wanted still');
    assert.ok(Object.values(run.steps).every(({ phase }) => phase !== 'Running' && phase !== 'Pending'));
    if (run.endedAt === null) return;
    assert.deepEqual(
      this.running.filter((name) => mine.includes(name)),
      [],
      'it has ended, and these are not recovered',
    );
    if (run.ending.phase === 'Completed')
      assert.ok(Object.values(run.steps).every(({ phase }) => phase === 'Succeeded'));
  }
}

describe('whatever the steps, the outcomes, the restarts and the crashes', () => {
  it('each experiment is wanted once, in its order, and the end recovers all', async () => {
    await fc.assert(
      fc.asyncProperty(spec, fc.array(act, { maxLength: 40 }), async (wanted, acts) => {
        const play = new Play(wanted);
        try {
          await play.declare();
          for (const one of acts) await play.act(one);
          await play.finish();
        } finally {
          await play.stage.close();
        }
      }),
      { numRuns: 150 },
    );
  });

  it('a scenario without failures runs each of its steps to the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async (steps) => {
        const play = new Play({ steps });
        play.stage.declareExperiment('nobody', { suspend: true });
        play.stage.containers = [container('web')];
        try {
          await play.declare();
          await play.finish();
          assert.equal(play.stage.object('s').phase, 'Completed');
          const experiments = Object.values(play.stage.run('s').steps).filter(
            ({ kind }) => kind === 'experiment',
          );
          assert.equal(play.seen.size, experiments.length);
        } finally {
          await play.stage.close();
        }
      }),
      { numRuns: 50 },
    );
  });

  it('the manifest gone, nothing is wanted any more', async () => {
    await fc.assert(
      fc.asyncProperty(spec, fc.array(act, { maxLength: 15 }), async (wanted, acts) => {
        const play = new Play(wanted);
        try {
          await play.declare();
          for (const one of acts) await play.act(one);
          play.stage.beforeWrite = () => {};
          await play.stage.remove('s');
          assert.deepEqual(play.stage.wanted(), []);
          assert.deepEqual(play.stage.journal.spawned.all(), []);
        } finally {
          await play.stage.close();
        }
      }),
      { numRuns: 50 },
    );
  });
});
