import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PolicySpec } from '../../src/core/kinds.ts';
import type { ExperimentSpec } from '../../src/core/types.ts';
import { type Drafted, draftedBy, withDrafted } from '../../src/plan/drafts.ts';
import { planExperiment } from '../../src/plan/plan.ts';
import { containers, declared, effect, PAUSE, planInput, policy, record, run } from './build.ts';

const found = containers(3, 'web', { project: 'shop', service: 'web' });
const on = (...names: string[]): Partial<ExperimentSpec> => ({ targets: { select: { names }, mode: 'all' } });

/** Plans in this order, each after those before it: `a Running`, `b Denied TooManyRuns`. */
function plans(experiments: Record<string, Partial<ExperimentSpec>>, spec: PolicySpec = {}): string[] {
  const drafted: Drafted[] = [];
  return Object.entries(experiments).map(([name, wanted]) => {
    const manifest = declared(wanted, { name });
    const input = withDrafted(planInput(found, { name, manifest, policies: [policy(spec)] }), drafted);
    const plan = planExperiment(input);
    const draft = draftedBy(input, plan);
    if (draft) drafted.push(draft);
    return `${name} ${plan.record?.phase}${plan.refusal ? ` ${plan.refusal.reason}` : ''}`;
  });
}

describe('plans of several experiments', () => {
  const cases: [what: string, spec: PolicySpec, refused: string][] = [
    ['runs at once', { maxConcurrentRuns: 2 }, 'TooManyRuns'],
    ['containers at once', { maxTargets: 2 }, 'TooManyTargets'],
    ['what is left of a service', { minHealthy: 1 }, 'TooManyDown'],
    ['a budget', { budget: [{ faultTime: '2m', window: '1h' }] }, 'BudgetSpent'],
  ];
  for (const [what, spec, refused] of cases)
    it(`count what those before would bring: ${what}`, () => {
      const experiments = { a: on('web-0'), b: on('web-1'), c: on('web-2') };
      assert.deepEqual(plans(experiments, spec), ['a Running', 'b Running', `c Denied ${refused}`]);
    });

  it('meet in what they would do to one target', () => {
    assert.deepEqual(plans({ a: on('web-0'), b: on('web-0', 'web-1') }), ['a Running', 'b Denied Conflict']);
  });

  it('are not in the way of each other where the first is refused', () => {
    const experiments = { a: on('web-0', 'web-1'), b: on('web-2') };
    assert.deepEqual(plans(experiments, { maxTargets: 1 }), ['a Denied TooManyTargets', 'b Running']);
  });

  it('take an edited run for what it would be, once', () => {
    const old = declared(on('web-0'), { name: 'a' });
    const running = run([PAUSE], found.slice(0, 1), { id: 'a-1', experiment: 'a' });
    const input = planInput(found, {
      name: 'a',
      manifest: declared(on('web-0', 'web-1'), { name: 'a' }),
      record: record(old, { runId: 'a-1', phase: 'Running' }),
      run: running,
      effects: [effect(PAUSE, found[0] as (typeof found)[number], { runId: 'a-1', experiment: 'a' })],
    });
    const draft = draftedBy(input, planExperiment(input));
    assert.deepEqual(
      draft?.run.targets.map(({ name }) => name),
      ['web-0', 'web-1'],
    );
    const other = planInput(found, { name: 'b', running: [running], runsSince: () => [running] });
    const after = withDrafted(other, draft ? [draft] : []);
    assert.deepEqual([after.running, after.runsSince(0)], [[draft?.run], [draft?.run]]);
  });
});
