import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PolicySpec } from '../../../src/core/kinds.ts';
import type { Container, Run } from '../../../src/core/types.ts';
import { container, containers, deadline, NOW } from '../build.ts';
import { four, one, other, start, two, web0, web1 } from './asking.ts';

const HOURS: [what: string, windows: PolicySpec['windows'][], duration: string, answer: string][] = [
  [
    'a run that ends with the window',
    [{ allow: [{ to: '01:00' }] }],
    '1h',
    'container-pause on 3 containers',
  ],
  [
    'a run that ends after it',
    [{ allow: [{ to: '01:00' }] }],
    '2h',
    'SQ219 OutsideWindow: Policy a: the window ends in 1h, the run needs 2h; no window is as long as 2h',
  ],
  [
    'a run for which another window is long enough',
    [{ allow: [{ to: '01:00' }, { days: ['sat'], to: '12:00' }] }],
    '2h',
    'SQ219 OutsideWindow: Policy a: the window ends in 1h, the run needs 2h; next Sat 00:00 UTC (again in 345600s)',
  ],
  [
    'windows of several, which must all be open',
    [{ allow: [{ from: '08:00' }] }, { deny: [{ to: '10:00' }] }],
    '1h',
    'SQ219 OutsideWindow: Policy b: chaos may not run now; opens Tue 10:00 UTC (again in 36000s)',
  ],
  [
    'windows that never meet',
    [{ allow: [{ days: ['mon'] }] }, { deny: [{ days: ['mon'] }] }],
    '1h',
    'SQ219 OutsideWindow: Policy a: chaos may not run now; no window is as long as 1h',
  ],
  [
    'windows that are over for good',
    [{ allow: [{ dates: ['2029-12-31'] }] }],
    '1h',
    'SQ219 OutsideWindow: Policy a: chaos may not run now; no window opens in the years to come',
  ],
  [
    'an opening far off, with its date',
    [{ deny: [{ dates: ['2029-12-20/2030-01-10'] }] }],
    '1h',
    'SQ219 OutsideWindow: Policy a: chaos may not run now; opens 2030-01-11 00:00 UTC (again in 864000s)',
  ],
];

describe('windows refuse or permit', () => {
  for (const [what, windows, duration, answer] of HOURS)
    it(what, () => {
      const policies = windows.map((one): PolicySpec => (one ? { windows: one } : {}));
      assert.equal(start({ policies, spec: { duration } }), answer);
    });

  it('a run as long as the window, a moment after it opened', () => {
    const clock = { now: () => NOW + 900, boot: () => 0, bootId: () => '' };
    const policies = [{ windows: { allow: [{ to: '01:00' }] } }];
    assert.match(start({ policies, spec: { duration: '1h' }, change: { clock } }), /^container-pause/);
    const later = { ...clock, now: () => NOW + 1100 };
    assert.match(start({ policies, spec: { duration: '1h' }, change: { clock: later } }), /^SQ219/);
  });
});

describe('a budget', () => {
  const minute = 60_000;
  /** An ended run: `targets` containers for `took` ms, which ended `ago` ms before now. */
  const past = (targets: readonly Container[], took: number, ago: number, change: Partial<Run> = {}): Run =>
    other('past', targets, {
      startedAt: NOW - ago - took,
      endedAt: NOW - ago,
      duration: took,
      phase: 'Completed',
      ...change,
    });
  const ask = (runs: Run[], budget: NonNullable<PolicySpec['budget']>[number], spec = one) =>
    start({ policies: [{ budget: [budget] }], found: four, spec, change: { runsSince: () => runs } });
  const hour = { faultTime: '5m', window: '1h' };

  it('counts targets times time of what is over', () => {
    assert.equal(
      ask([past([web0, web1], 2 * minute, 10 * minute)], hour, two),
      'SQ218 BudgetSpent: Policy a: budget of 5m in 1h: 4m is used, 1m is left, the run takes 2m; enough is free Tue 00:49 UTC (again in 2910s)',
    );
  });

  it('takes what is left to the last second', () => {
    assert.match(ask([past([web0, web1], 2 * minute, 10 * minute)], hour), /^container-pause/);
  });

  it('reserves what is under way to its deadline, a held one too', () => {
    const active = other('x', [web1], { deadline: deadline(5 * minute), duration: 5 * minute });
    assert.match(ask([active], hour), /5m is used, nothing is left, the run takes 1m/);
  });

  it('counts what is under way by what it takes, whatever the wall clock says of its start', () => {
    const stepped = other('x', [web1], { startedAt: NOW - 50 * minute });
    assert.match(ask([stepped], { ...hour, faultTime: '2m' }), /^container-pause/);
  });

  it('counts only what lies within the window', () => {
    assert.match(ask([past([web0], 10 * minute, 56 * minute)], hour), /^container-pause/);
    assert.match(ask([past([web0], 10 * minute, 55 * minute)], hour), /5m is used/);
  });

  it('counts no longer than was meant, however long the recovery took', () => {
    const slow = past([web0], 4 * minute, minute, { startedAt: NOW - 50 * minute });
    assert.match(ask([slow], hour), /^container-pause/);
  });

  it('counts all that was meant where the wall clock was set back meanwhile', () => {
    const odd = past([web0], 5 * minute, 0, { startedAt: NOW + minute });
    assert.match(ask([odd], hour), /^SQ218/);
  });

  it('for each service counts that service alone', () => {
    const redis = container('redis', { project: 'shop', service: 'redis' });
    const each = { ...hour, per: 'service' } as const;
    assert.match(ask([past([redis], 5 * minute, minute)], each), /^container-pause/);
    assert.match(
      ask([past([web1], 5 * minute, minute)], each),
      /^SQ218 BudgetSpent: Policy a: budget of 5m in 1h for shop\/web: 5m is used/,
    );
  });

  it('for each service takes containers of none as one', () => {
    const plain = containers(2);
    const policies: PolicySpec[] = [{ budget: [{ faultTime: '90s', window: '1h', per: 'service' }] }];
    assert.match(
      start({ policies, found: plain }),
      /^SQ218 .* in 1h for containers of no service: .* the run takes 2m$/,
    );
  });

  it('has every one of several hold', () => {
    const budget = [hour, { faultTime: '30s', window: '10m' }];
    assert.match(start({ policies: [{ budget }], found: four, spec: one }), /budget of 30s in 10m/);
  });
});
