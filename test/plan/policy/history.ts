import assert from 'node:assert/strict';
import type { Manifest, PolicySpec } from '../../../src/core/kinds.ts';
import type { Container, Effect } from '../../../src/core/types.ts';
import { serviceKey, withSharers } from '../../../src/plan/hit.ts';
import { matches } from '../../../src/plan/select.ts';
import type { Model } from '../model.ts';
import { EXPERIMENTS } from './worlds.ts';

function has<T>(value: T | undefined): value is T {
  return value !== undefined;
}

/** Whether somebody may be hit, straight from the words of the reference. */
function mayBeHit(
  one: Container,
  found: readonly Container[],
  rules: readonly Manifest<'Policy'>[],
): boolean {
  const specs = rules.map(({ spec }) => spec);
  if (one.labels['squall.protect'] === 'true') return false;
  if (specs.some(({ protect }) => protect?.some((selector) => matches(selector, one)))) return false;
  const labelled = one.labels['squall.enabled'] === 'true';
  const rule = specs.map(({ optIn }) => optIn).filter(has);
  if (rule.length === 0 && !labelled) return false;
  const agrees = rule.every(
    (said) => labelled || said === 'none' || (said !== 'label' && matches(said.select, one)),
  );
  if (!agrees) return false;
  const home = found.find(({ id }) => one.networkMode === `container:${id}`) ?? one;
  const on = home.attachments.length > 0 ? home.attachments.map(({ network }) => network) : ['none'];
  return specs
    .map(({ networks }) => networks)
    .filter(has)
    .every((list) => on.every((network) => permits(list, network)));
}

function permits(globs: readonly string[], network: string): boolean {
  return globs.some(
    (glob) => glob === network || (glob.endsWith('*') && network.startsWith(glob.slice(0, -1))),
  );
}

const least = (values: (number | undefined)[]) => Math.min(...values.filter(has));
const SECONDS: Record<string, number> = { '30s': 30_000, '2m': 120_000 };

/** What must be true of a world after every pass, of what is in it and of what is on its way. */
export function holds(model: Model): void {
  const rules = model.policies.map(({ spec }) => spec);
  const live = model.journal.effects.live();
  const found = model.containers;
  const hit = hitBy(live, found);
  for (const one of hit) assert.ok(mayBeHit(one, found, model.policies), `${one.name} may not be hit`);
  assert.ok(hit.length <= least(rules.map(({ maxTargets }) => maxTargets)), `hits ${hit.length}`);
  // What is held, or ending, has nothing in the world, or not for long.
  const runs = model.journal.runs
    .active()
    .filter(({ phase, experiment }) => phase === 'Running' && model.phase(experiment) === 'Running');
  assert.ok(runs.length <= least(rules.map(({ maxConcurrentRuns }) => maxConcurrentRuns)), 'runs at once');
  const longest = least(rules.map(({ maxDuration }) => SECONDS[maxDuration ?? '']));
  for (const run of runs) assert.ok(run.duration <= longest, `${run.id} is too long`);
  for (const { fault } of live)
    for (const { faults } of rules) {
      assert.ok(faults?.allow?.includes(fault.type) ?? true);
      assert.ok(!faults?.deny?.includes(fault.type));
    }
  healthy(hit, found, rules);
}

function hitBy(live: readonly Effect[], found: readonly Container[]): Container[] {
  const all = live.flatMap(({ target, fault }) => {
    const targets = found.filter(({ id }) => id === target.id);
    return fault.type === 'network-block' ? withSharers(targets, found) : targets;
  });
  return [...new Set(all)];
}

/** Where too little of a service is left, nothing of it is ours. */
function healthy(hit: readonly Container[], found: readonly Container[], rules: readonly PolicySpec[]): void {
  const ours = new Set(hit);
  for (const service of new Set(hit.map(serviceKey).filter(has))) {
    const members = found.filter((one) => serviceKey(one) === service);
    const left = members.filter(
      (one) => !ours.has(one) && one.state === 'running' && one.health !== 'unhealthy',
    ).length;
    const down = members.length - left;
    for (const { minHealthy, maxPercent } of rules) {
      assert.ok(left >= (minHealthy ?? 0), `${left} of ${service} are healthy`);
      assert.ok(down * 100 <= (maxPercent ?? 100) * members.length, `${down} of ${service} are down`);
    }
  }
}

export interface Step {
  text: string;
  /** Whether it makes a limit tighter, or the world worse: then the passes that follow put it right, and not the step itself. */
  worse: boolean;
  take: (model: Model) => void;
}

export const say = (text: string, take: Step['take'], worse = false): Step => ({ text, take, worse });

/** Time passes as it does for the daemon: it looks when a plan asked to be looked at again. */
export function pass(model: Model, ms: number): void {
  let left = ms;
  for (let wakes = 0; left > 0 && wakes < 200; wakes += 1) {
    const wake = Math.min(left, ...EXPERIMENTS.map((name) => model.pass(name).wakeAfter ?? left));
    model.clock.advance(Math.max(1, wake));
    left -= Math.max(1, wake);
    rest(model, EXPERIMENTS, false);
  }
}

/** Passes over all until none has anything to do; each pass by itself must keep the limits, unless they were broken from outside. */
export function rest(model: Model, order: readonly string[], worse: boolean): void {
  for (let rounds = 0; rounds < 12; rounds += 1) {
    let done = 0;
    for (const name of order) {
      done += model.pass(name).actions.length;
      if (!worse) holds(model);
    }
    if (done === 0) return;
  }
  assert.fail('no rest');
}
