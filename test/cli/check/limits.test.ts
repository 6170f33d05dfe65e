import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limitChanges } from '../../../src/cli/check/limits.ts';
import type { PolicySpec } from '../../../src/core/kinds.ts';
import { NOW, policy } from '../../plan/build.ts';

/** One Policy each, `p0` and on. */
const policies = (specs: readonly PolicySpec[]) => specs.map((spec, at) => policy(spec, { name: `p${at}` }));

function changes(before: PolicySpec[], after: PolicySpec[]): string[] {
  return limitChanges(policies(before), policies(after), NOW).map(
    ({ limit, from, to, direction }) => `${limit}: ${from} -> ${to} (${direction})`,
  );
}

const WORKDAYS = { days: ['mon-fri'], from: '09:00', to: '17:00' };
const EVENING = { days: ['mon-fri'], from: '09:00', to: '19:00' };
const probe = (url: string) => ({ type: 'http', url });

const CASES: [name: string, before: PolicySpec[], after: PolicySpec[], told: string[]][] = [
  [
    'a lower number is tighter',
    [{ maxTargets: 5 }],
    [{ maxTargets: 2 }],
    ['maxTargets: 5 (Policy p0) -> 2 (Policy p0) (tighter)'],
  ],
  [
    'a higher one is looser',
    [{ maxPercent: 20 }],
    [{ maxPercent: 50 }],
    ['maxPercent: 20 (Policy p0) -> 50 (Policy p0) (looser)'],
  ],
  [
    'a dropped one is looser',
    [{ maxConcurrentRuns: 1 }],
    [],
    ['maxConcurrentRuns: 1 (Policy p0) -> no limit (looser)'],
  ],
  [
    'a new one is tighter',
    [],
    [{ maxDuration: '90s' }],
    ['maxDuration: no limit -> 1m30s (Policy p0) (tighter)'],
  ],
  [
    'of minHealthy less is looser',
    [{ minHealthy: 2 }],
    [{ minHealthy: 1 }],
    ['minHealthy: 2 (Policy p0) -> 1 (Policy p0) (looser)'],
  ],
  [
    'what another Policy still holds has not changed',
    [{ maxTargets: 2 }, { maxTargets: 2 }],
    [{ maxTargets: 2 }, { maxTargets: 9 }],
    [],
  ],
  [
    'one that moves to another Policy has not changed',
    [{ maxTargets: 2 }, { minHealthy: 1 }],
    [{ minHealthy: 1 }, { maxTargets: 2 }],
    [],
  ],
  ['asking for no label is looser', [], [{ optIn: 'none' }], ['optIn: label -> none (looser)']],
  ['saying what holds anyway changes nothing', [], [{ optIn: 'label' }], []],
  [
    '`label` of another Policy outdoes `none`',
    [{ optIn: 'label' }],
    [{ optIn: 'label' }, { optIn: 'none' }],
    [],
  ],
  [
    'a selector that must match too is tighter',
    [{ optIn: { select: { project: 'a' } } }],
    [{ optIn: { select: { project: 'a' } } }, { optIn: { select: { services: ['b'] } } }],
    ['optIn: label, or {"project":"a"} -> label, or {"project":"a"} and {"services":["b"]} (tighter)'],
  ],
  [
    'of another selector nobody can tell',
    [{ optIn: { select: { project: 'a' } } }],
    [{ optIn: { select: { project: 'b' } } }],
    ['optIn: label, or {"project":"a"} -> label, or {"project":"b"} (different)'],
  ],
  [
    'selecting instead of the label is looser',
    [{ optIn: 'label' }],
    [{ optIn: { select: { project: 'a' } } }],
    ['optIn: label -> label, or {"project":"a"} (looser)'],
  ],
  [
    'protecting fewer is looser',
    [{ protect: [{ project: 'a' }, { project: 'b' }] }],
    [{ protect: [{ project: 'b' }] }],
    ['protect: {"project":"a"}, {"project":"b"} -> {"project":"b"} (looser)'],
  ],
  [
    'protecting others is different',
    [{ protect: [{ project: 'a' }] }],
    [{ protect: [{ project: 'b' }] }],
    ['protect: {"project":"a"} -> {"project":"b"} (different)'],
  ],
  [
    'more networks are looser',
    [{ networks: ['a'] }],
    [{ networks: ['a', 'b-*'] }],
    ['networks: a -> a, b-* (looser)'],
  ],
  [
    'a list of networks of another Policy is tighter',
    [{ networks: ['a', 'b'] }],
    [{ networks: ['a', 'b'] }, { networks: ['b', 'c'] }],
    ['networks: a, b -> a, b, b, c (tighter)'],
  ],
  ['no list of networks is looser', [{ networks: ['a'] }], [{}], ['networks: a -> no limit (looser)']],
  [
    'the same faults, said otherwise, are the same',
    [{ faults: { allow: ['container-kill', 'container-stop'], deny: ['container-stop'] } }],
    [{ faults: { allow: ['container-kill'] } }],
    [],
  ],
  [
    'other faults are different',
    [{ faults: { allow: ['container-kill'] } }],
    [{ faults: { allow: ['container-stop'] } }],
    ['faults: container-kill -> container-stop (different)'],
  ],
  [
    'a bigger budget is looser',
    [{ budget: [{ faultTime: '1h', window: '24h' }] }],
    [{ budget: [{ faultTime: '2h', window: '24h' }] }],
    ['budget: 1h in 1d -> 2h in 1d (looser)'],
  ],
  [
    'one that counts for each service is looser',
    [{ budget: [{ faultTime: '1h', window: '24h' }] }],
    [{ budget: [{ faultTime: '1h', window: '24h', per: 'service' }] }],
    ['budget: 1h in 1d -> 1h in 1d for each service (looser)'],
  ],
  [
    'less over a shorter time is different',
    [{ budget: [{ faultTime: '1h', window: '24h' }] }],
    [{ budget: [{ faultTime: '30m', window: '1h' }] }],
    ['budget: 1h in 1d -> 30m in 1h (different)'],
  ],
  [
    'a second budget is tighter',
    [{ budget: [{ faultTime: '1h', window: '24h' }] }],
    [
      {
        budget: [
          { faultTime: '1h', window: '24h' },
          { faultTime: '10m', window: '1h' },
        ],
      },
    ],
    ['budget: 1h in 1d -> 10m in 1h, 1h in 1d (tighter)'],
  ],
  [
    'longer hours are looser',
    [{ windows: { allow: [WORKDAYS] } }],
    [{ windows: { allow: [EVENING] } }],
    ['windows: 40h in the coming week -> 50h in the coming week (looser)'],
  ],
  [
    'hours at last are tighter',
    [],
    [{ windows: { allow: [WORKDAYS] } }],
    ['windows: at any time -> 40h in the coming week (tighter)'],
  ],
  [
    'hours of another zone are different',
    [{ windows: { allow: [WORKDAYS] } }],
    [{ windows: { timeZone: 'Asia/Tokyo', allow: [WORKDAYS] } }],
    ['windows: 40h in the coming week -> 40h in the coming week (different)'],
  ],
  [
    'the same hours, said otherwise, are the same',
    [{ windows: { allow: [WORKDAYS] } }],
    [{ windows: { allow: [{ from: '09:00', to: '17:00' }], deny: [{ days: ['sat', 'sun'] }] } }],
    [],
  ],
  [
    'a day off months away is tighter',
    [{ windows: { allow: [WORKDAYS] } }],
    [{ windows: { allow: [WORKDAYS], deny: [{ dates: ['2030-12-24'] }] } }],
    ['windows: 40h in the coming week -> 40h in the coming week (tighter)'],
  ],
  [
    'a probe less is looser',
    [{ healthGate: { probes: [probe('http://a'), probe('http://b')] } }],
    [{ healthGate: { probes: [probe('http://b')] } }],
    [
      'healthGate: {"type":"http","url":"http://a"}, {"type":"http","url":"http://b"} -> {"type":"http","url":"http://b"} (looser)',
    ],
  ],
];

describe('the limits of all Policies together', () => {
  for (const [name, before, after, told] of CASES)
    it(name, () => assert.deepEqual(changes(before, after), told));

  it('names the kinds of fault that are allowed', () => {
    const [told = ''] = changes(
      [{ faults: { deny: ['container-kill', 'network-loss'] } }],
      [{ faults: { deny: ['container-kill'] } }],
    );
    assert.match(told, /^faults: .* \(looser\)$/);
    assert.equal(told.split('network-loss').length - 1, 1);
    assert.match(changes([{ faults: { deny: ['container-kill'] } }], []).join(), /-> all kinds \(looser\)/);
  });

  it('are looser in one direction and tighter in the other', () => {
    const opposite = { looser: 'tighter', tighter: 'looser', different: 'different' };
    for (const [name, before, after] of CASES) {
      const directions = (a: PolicySpec[], b: PolicySpec[]) =>
        limitChanges(policies(a), policies(b), NOW).map(({ direction }) => direction);
      assert.deepEqual(
        directions(after, before),
        directions(before, after).map((one) => opposite[one]),
        name,
      );
    }
  });

  it('are all one where a Policy cannot be read: nothing starts then', () => {
    const unknown = policy({}, { unknown: true, stale: 'a.yaml:3:1 SQ101 expected a mapping' });
    assert.deepEqual(limitChanges([policy({ maxTargets: 1 })], [unknown], NOW), [
      {
        limit: 'all',
        from: 'they can be read',
        to: 'Policy default is wrong and has no version that was right, so nothing starts: a.yaml:3:1 SQ101 expected a mapping',
        direction: 'tighter',
      },
    ]);
    assert.deepEqual(limitChanges([unknown], [unknown], NOW), []);
  });
});
