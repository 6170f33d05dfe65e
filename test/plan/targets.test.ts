import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Container, Mode, TargetRef } from '../../src/core/types.ts';
import { consentOf } from '../../src/plan/policy/consent.ts';
import { selectTargets } from '../../src/plan/targets.ts';
import { container, containers, planInput, spec } from './build.ts';

function choose(found: readonly Container[], mode: Mode, kept: readonly TargetRef[] = [], seed = 'seed') {
  const wanted = spec({ targets: { select: { names: ['/^web/'] }, mode } });
  return selectTargets(wanted, consentOf(planInput(found)), seed, kept);
}

const names = (list: readonly Container[]) => list.map(({ name }) => name).sort();

describe('the selection', () => {
  it('is made of what matches, runs, has opted in and is not protected', () => {
    const found = [
      container('web-0'),
      container('web-off', { state: 'exited' }),
      container('web-shy', { optIn: false }),
      container('web-safe', { protect: true }),
      container('web-squall', { labels: { 'squall.self': 'daemon' } }),
      container('web-dead', { state: 'dead' }),
      container('redis'),
    ];
    const { matched, candidates, chosen, shortfall } = choose(found, 'all');
    assert.equal(matched.length, 6);
    assert.deepEqual(names(candidates), ['web-0']);
    assert.deepEqual(names(chosen), ['web-0']);
    assert.equal(shortfall, undefined);
  });

  it('never holds Squall itself, whatever its labels say', () => {
    const own = container('web-0');
    const wanted = spec();
    const { chosen, shortfall } = selectTargets(
      wanted,
      consentOf(planInput([own], { self: new Set([own.id]) })),
      '',
    );
    assert.deepEqual(chosen, []);
    assert.equal(shortfall?.refusal.code, 'SQ203');
  });

  it('takes an opt-in of anything but true for none', () => {
    const found = [container('web-0', { optIn: false, labels: { 'squall.enabled': 'yes' } })];
    assert.equal(choose(found, 'all').shortfall?.refusal.code, 'SQ202');
  });

  it('keeps those that were chosen before, in whatever state they are', () => {
    const found = containers(5, 'web', { state: 'exited' });
    found.push(...containers(5, 'web-new'));
    const kept = found.slice(0, 2);
    for (let seed = 0; seed < 20; seed += 1) {
      const { chosen } = choose(found, { count: 3 }, kept, `${seed}`);
      assert.deepEqual(names(chosen).slice(0, 2), ['web-0', 'web-1']);
      assert.match(chosen[2]?.name ?? '', /^web-new/);
    }
  });

  it('lets go of one kept before that does not match any more', () => {
    const found = [container('web-0'), container('web-1')];
    const kept = [{ id: container('redis').id, name: 'redis' }];
    assert.deepEqual(names(choose([...found, container('redis')], 'one', kept).chosen).length, 1);
    assert.ok(!names(choose([...found, container('redis')], 'all', kept).chosen).includes('redis'));
  });

  it('gets smaller from the end of the draw when fewer are wanted', () => {
    const found = containers(6);
    const four = choose(found, { count: 4 }).chosen;
    const two = choose(found, { count: 2 }, four).chosen;
    assert.ok(two.every((one) => four.includes(one)));
    assert.deepEqual(names(two), names(choose(found, { count: 2 }).chosen));
  });

  it('never has more than the mode wants, nor anyone twice', () => {
    const mode = fc.oneof(
      fc.constant<Mode>('one'),
      fc.integer({ min: 1, max: 8 }).map((count): Mode => ({ count })),
      fc.integer({ min: 1, max: 100 }).map((percent): Mode => ({ percent })),
      fc.integer({ min: 1, max: 100 }).map((maxPercent): Mode => ({ maxPercent })),
    );
    const ten = containers(10);
    fc.assert(
      fc.property(mode, fc.subarray(ten), fc.subarray(ten), fc.string(), (wanted, found, kept, seed) => {
        const { chosen } = choose(found, wanted, kept, seed);
        assert.equal(new Set(chosen).size, chosen.length);
        assert.ok(chosen.length <= mostOf(wanted, found.length));
        assert.ok(chosen.every((one) => found.includes(one)));
      }),
    );
  });
});

function mostOf(mode: Mode, available: number): number {
  if (mode === 'all') return available;
  if (mode === 'one') return 1;
  if ('count' in mode) return mode.count;
  return Math.floor((available * ('percent' in mode ? mode.percent : mode.maxPercent)) / 100);
}

describe('a selection that falls short', () => {
  const shy = { optIn: false };
  const cases: [
    what: string,
    Container[],
    Mode,
    wait: boolean,
    code: string,
    reason: string,
    message: string,
  ][] = [
    ['when nothing matches', [container('redis')], 'all', true, 'SQ201', 'NoMatch', 'no container matches'],
    [
      'when the only one has not opted in',
      [container('web-0', shy)],
      'all',
      false,
      'SQ202',
      'NotOptedIn',
      '1 container matches and has not opted in: re-create web-0 with the label squall.enabled=true, or let a Policy select it',
    ],
    [
      'when the only one has not opted in and is protected',
      [container('web-0', { ...shy, protect: true })],
      'all',
      false,
      'SQ203',
      'Protected',
      '1 container matches, but web-0 is protected',
    ],
    [
      'when none has opted in and one is protected',
      [container('web-0', shy), container('web-db', { ...shy, protect: true })],
      'all',
      false,
      'SQ202',
      'NotOptedIn',
      '2 containers match, web-db is protected; 1 has not opted in: re-create web-0 with the label squall.enabled=true, or let a Policy select it',
    ],
    [
      'when none has opted in',
      containers(5, 'web', shy),
      'all',
      false,
      'SQ202',
      'NotOptedIn',
      '5 containers match and have not opted in: re-create web-0, web-1, web-2 and 2 more with the label squall.enabled=true, or let a Policy select them',
    ],
    [
      'when the only one is protected',
      [container('web-0', { protect: true })],
      'all',
      false,
      'SQ203',
      'Protected',
      '1 container matches, but web-0 is protected',
    ],
    [
      'when none of them runs',
      containers(2, 'web', { state: 'exited' }),
      'all',
      true,
      'SQ201',
      'NotRunning',
      '2 containers match, none is running',
    ],
    [
      'when a share comes to nobody',
      containers(3),
      { percent: 33 },
      true,
      'SQ201',
      'TooFew',
      'the share of 3 rounds down to none',
    ],
    [
      'when fewer run than are wanted',
      containers(2),
      { count: 3 },
      true,
      'SQ201',
      'TooFew',
      '3 wanted, 2 available',
    ],
  ];
  for (const [what, found, mode, wait, code, reason, message] of cases)
    it(`${wait ? 'waits' : 'is refused'} ${what}`, () => {
      assert.deepEqual(choose(found, mode).shortfall, { wait, refusal: { code, reason, message } });
    });
});
