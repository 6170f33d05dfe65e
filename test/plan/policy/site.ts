import assert from 'node:assert/strict';
import type { PolicySpec } from '../../../src/core/kinds.ts';
import type { ExperimentSpec } from '../../../src/core/types.ts';
import { containers, declared, policy } from '../build.ts';
import { Model } from '../model.ts';

export const shop = { project: 'shop', service: 'web' };
export const SELECT = (...names: string[]): Partial<ExperimentSpec> => ({
  targets: { select: { names }, mode: 'all', seed: 1 },
});

/** Experiments that run, each begun a second after the one before; by default each on one container of a service of four. */
export function site(
  specs: Record<string, Partial<ExperimentSpec>>,
  found = containers(4, 'web', shop),
): Model {
  const model = new Model(...found);
  for (const [name, spec] of Object.entries(specs)) {
    model.declare(declared(spec, { name }));
    model.settle(name);
    assert.equal(model.phase(name), 'Running');
    model.clock.advance(1000);
  }
  return model;
}

export const three = () => site({ a: SELECT('web-0'), b: SELECT('web-1'), c: SELECT('web-2') });

/** From now on these hold; then a pass over each experiment, in this order, until all are at rest. */
export function tighten(model: Model, specs: PolicySpec[], order: string[] = ['a', 'b', 'c']): void {
  model.policies = specs.map((spec, index) => policy(spec, { name: 'xyz'[index] ?? '' }));
  for (const name of order) model.pass(name);
  for (const name of order) model.settle(name);
}

export const phases = (model: Model) =>
  model.journal.experiments.all().map(({ name, phase, reason }) => `${name} ${phase} ${reason}`);
export const RUNS = (name: string) => `${name} Running Injected`;
