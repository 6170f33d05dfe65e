import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Container, Effect } from '../../src/core/types.ts';
import type { Action } from '../../src/plan/actions.ts';
import { formatDiff, formatPlans, isDifferent, type NamedPlan, viewPlan } from '../../src/report/plans.ts';
import { createStyle } from '../../src/report/style.ts';
import { record, run } from '../cli/fixture.ts';

const style = createStyle(false);
const fault = { type: 'network-block', direction: 'egress' };
const target = { id: 'a'.repeat(64), name: 'web' } as Container;
const effect = { target, fault } as unknown as Effect;
const draft = {
  ...run('a', 1),
  trigger: 'manifest',
  duration: 60_000,
  faults: [{ slot: 0, fault }],
  targets: [target],
};

function planOf(
  name: string,
  actions: Action[],
  phase: 'Running' | 'Completed' | 'Denied' | null = 'Running',
): NamedPlan {
  const remembered =
    phase === null ? undefined : record(name, { phase, reason: `${phase}!`, message: 'as told' });
  return { name, plan: { actions, record: remembered, lookups: [], wakeAfter: undefined } };
}

const inject = (reason: 'new' | 'edited'): Action => ({
  kind: 'inject',
  target,
  slot: 0,
  fault,
  resolved: null,
  reason,
});
const starts = planOf('a', [{ kind: 'start', run: draft }, inject('new')]);
const edited = planOf('b', [
  { kind: 'edit', run: draft },
  inject('edited'),
  { kind: 'recover', effect, reason: 'edited' },
]);
const ends = planOf('c', [
  { kind: 'end', outcome: 'Halted', reason: 'Deleted', message: 'the manifest is gone' },
  { kind: 'recover', effect, reason: 'deleted' },
]);
const rests = planOf('d', [], 'Completed');
const denied = planOf('e', [], 'Denied');
const adopted = planOf('f', [{ kind: 'adopt', effect }]);

describe('a plan', () => {
  it('tells what starts, on how much and for how long', () => {
    const text = formatPlans([starts, rests], style);
    assert.match(
      text,
      /^a: Running, run a-1 starts on 1 target for 1m\n {4}\+ network-block on web \(new\) {2}direction: egress\n/,
    );
    assert.match(text, /\nd: Completed, Completed!, as told\n/);
  });

  it('tells of a start who is left alone, and why', () => {
    const message = 'container-pause on 2 containers; 2 of 3 that match: web-3 is protected';
    const plan = { ...starts.plan, record: record('a', { phase: 'Running', message }) };
    assert.match(
      formatPlans([{ ...starts, plan }], style),
      /^a: Running, run a-1 starts on 1 target for 1m; 2 of 3 that match: web-3 is protected\n/,
    );
  });

  it('sums up', () => {
    const text = formatPlans([starts, edited, ends, rests, denied], style);
    assert.match(text, /\n5 experiments: 1 to start, 1 to change, 1 to end, 1 waiting or refused\n$/);
  });

  it('says no word twice', () => {
    const rests = planOf('d', [], 'Completed');
    const plan = {
      ...rests.plan,
      record: record('d', { phase: 'Suspended', reason: 'Suspended', message: 'm' }),
    };
    assert.match(formatPlans([{ ...rests, plan }], style), /^d: Suspended, m\n/);
  });

  it('sums up nothing', () => assert.match(formatPlans([], style), /^0 experiments: /));

  it('is the same as JSON', () => {
    const view = viewPlan(edited);
    assert.deepEqual(view.changes, [
      { change: 'change', target: 'web', fault: 'network-block', reason: 'edited' },
      { change: 'remove', target: 'web', fault: 'network-block', reason: 'edited' },
    ]);
    assert.equal(view.run?.id, 'a-1');
    assert.equal(viewPlan(planOf('x', [{ kind: 'forget' }], null)).phase, null);
  });
});

describe('a diff', () => {
  it('shows only what differs, with its sign', () => {
    const lines = formatDiff([starts, edited, ends, rests, denied, adopted], style).split('\n');
    const heads = lines.filter((line) => line.includes('experiment/')).map((line) => line.slice(0, 14));
    assert.deepEqual(heads, ['+ experiment/a', '~ experiment/b', '- experiment/c']);
    assert.ok(lines.includes('    - network-block on web (deleted)  direction: egress'));
  });

  it('takes what only the journal learns for no difference', () => {
    assert.deepEqual([starts, edited, ends, rests, denied, adopted].map(isDifferent), [
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
