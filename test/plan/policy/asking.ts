import assert from 'node:assert/strict';
import type { PolicySpec } from '../../../src/core/kinds.ts';
import type { Container, ExperimentSpec, Run } from '../../../src/core/types.ts';
import { type PlanInput, planExperiment } from '../../../src/plan/plan.ts';
import { refOf } from '../../../src/plan/targets.ts';
import { containers, declared, PAUSE, planInput, policy, run } from '../build.ts';

export interface Asked {
  policies: PolicySpec[];
  found?: readonly Container[];
  spec?: Partial<ExperimentSpec>;
  change?: Partial<PlanInput>;
}

/** What becomes of a start: what it hits, or why it is refused. Policies are called a, b, ... */
export function start({ policies, found = containers(3), spec = {}, change = {} }: Asked): string {
  const named = policies.map((one, index) => policy(one, { name: 'abc'[index] ?? '' }));
  const plan = planExperiment(planInput(found, { manifest: declared(spec), policies: named, ...change }));
  if (!plan.refusal) return plan.record?.message ?? '';
  assert.deepEqual(plan.actions, [], 'nothing is trimmed');
  const { code, reason, message, retryAfter } = plan.refusal;
  assert.equal(plan.record?.phase, 'Denied');
  assert.deepEqual([plan.record.reason, plan.record.message], [reason, message]);
  assert.equal(plan.wakeAfter, retryAfter);
  const permitted = plan.record.conditions.find(({ type }) => type === 'Permitted');
  assert.deepEqual([permitted?.status, permitted?.reason, permitted?.message], ['False', reason, message]);
  const later = retryAfter === undefined ? '' : ` (again in ${retryAfter / 1000}s)`;
  return `${code} ${reason}: ${message}${later}`;
}

/** A run of another experiment on these containers, `age` ms old. */
export function other(name: string, targets: readonly Container[], change: Partial<Run> = {}): Run {
  return {
    ...run([PAUSE], targets, { id: `${name}-1`, experiment: name, ...change }),
    targets: targets.map(refOf),
  };
}

export const shop = { project: 'shop', service: 'web' };
export const four = containers(4, 'web', shop);
export const [web0, web1, web2] = four as [Container, Container, Container];
export const one: Partial<ExperimentSpec> = {
  targets: { select: { names: ['web-0'] }, mode: 'all', seed: 1 },
};
export const two: Partial<ExperimentSpec> = {
  targets: { select: { names: ['web-0', 'web-1'] }, mode: 'all', seed: 1 },
};
