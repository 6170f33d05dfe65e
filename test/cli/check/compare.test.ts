import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareStates } from '../../../src/cli/check/compare.ts';
import type { AnyManifest } from '../../../src/core/kinds.ts';
import type { Container } from '../../../src/core/types.ts';
import { hasFinding, type PlanCheck } from '../../../src/report/plan-check.ts';
import { containers } from '../../plan/build.ts';
import { experiment, limit, scenario, schedule, stateOf, worldOf } from './build.ts';

/** `found`: null where nobody knows any. */
function compare(base: AnyManifest[], head: AnyManifest[], found: Container[] | null = containers(2)) {
  return compareStates(stateOf(...base), stateOf(...head), worldOf(found ?? undefined));
}

const names = ({ objects }: Pick<PlanCheck, 'objects'>) =>
  objects.map(({ change, kind, name }) => `${change} ${kind}/${name}`);

describe('two trees', () => {
  it('differ in what is added, changed and removed; the rest is counted', () => {
    const base = [experiment('a'), experiment('b'), experiment('c'), limit({ maxTargets: 5 })];
    const head = [
      experiment('a'),
      experiment('b', { duration: '90s' }),
      experiment('d'),
      limit({ maxTargets: 2 }),
    ];
    const found = compare(base, head);
    assert.deepEqual(names(found), [
      'changed Policy/default',
      'changed Experiment/b',
      'removed Experiment/c',
      'added Experiment/d',
    ]);
    const { added, changed, removed, unchanged } = found.summary;
    assert.deepEqual([added, changed, removed, unchanged], [1, 2, 1, 1]);
    const [, b, c, d] = found.objects;
    assert.deepEqual(b?.fields, [{ path: 'spec.duration', from: '60s', to: '90s' }]);
    assert.deepEqual(c?.before?.experiments[0]?.targets, ['web-0', 'web-1']);
    assert.deepEqual([c?.after, d?.before, d?.fields], [null, null, []]);
  });

  it('are the same where only files, or an explicit default, differ', () => {
    const moved = { ...experiment('a'), source: { file: 'elsewhere.yaml', line: 9, column: 1 } };
    const { summary, objects } = compare(
      [experiment('a')],
      [{ ...moved, spec: { ...moved.spec, suspend: false } }],
    );
    assert.deepEqual([objects, summary.unchanged], [[], 1]);
  });

  it('differ where labels or `suspend` do', () => {
    const labelled = { ...experiment('a'), labels: { suite: 'nightly' } };
    assert.deepEqual(compare([experiment('a')], [labelled]).objects[0]?.fields, [
      { path: 'metadata.labels.suite', to: 'nightly' },
    ]);
    assert.deepEqual(compare([experiment('a', { suspend: true })], [experiment('a')]).objects[0]?.fields, [
      { path: 'spec.suspend', from: true },
    ]);
  });

  it('count each container once that is hit by what is added or changed, and live', () => {
    const { summary } = compare(
      [experiment('same')],
      [
        experiment('same'),
        experiment('a', { faults: [{ type: 'network-loss', to: [{ any: true }], percent: 5 }] }),
        experiment('b'),
        experiment('template', { suspend: true }),
      ],
    );
    assert.deepEqual([summary.hit, summary.refused, summary.unknown], [2, 0, 0]);
    assert.equal(compare([], [experiment('template', { suspend: true })]).summary.hit, 0);
  });

  it('tell that nobody knows what is hit, where no containers are known', () => {
    const found = { ...compare([], [experiment('a')], null) } as PlanCheck;
    assert.deepEqual([found.summary.hit, found.summary.unknown, hasFinding(found, 'hit')], [0, 1, true]);
    const none = { ...compare([experiment('a')], [], null) } as PlanCheck;
    assert.equal(hasFinding(none, 'hit'), false);
  });

  it('start what is new together: the later one waits where both may not run', () => {
    const { objects, summary } = compare([], [experiment('a'), experiment('b')]);
    assert.deepEqual(
      objects.map(({ after }) => after?.outcome),
      ['hits', 'waits'],
    );
    assert.equal(summary.refused, 0);
    const [, later] = compare([experiment('a')], [experiment('a'), experiment('b')]).objects;
    assert.equal(later, undefined);
    assert.equal(
      compare([experiment('a')], [experiment('a'), experiment('b')]).objects[0]?.after?.outcome,
      'hits',
    );
  });

  it('tell who starts an experiment', () => {
    const timer = schedule('nightly', { cron: '@daily', experimentRef: { name: 'a' } });
    const day = scenario('day', { steps: [{ experimentRef: { name: 'a' } }] });
    const [changed] = compare(
      [timer, day, experiment('a')],
      [timer, day, experiment('a', { duration: '5s' })],
    ).objects;
    assert.deepEqual(changed?.startedBy, ['scenario/day', 'schedule/nightly']);
  });

  it('tell what is unchanged and comes out otherwise', () => {
    const timer = schedule('nightly', { cron: '@daily', experimentRef: { name: 'a' } });
    const strict = limit({ maxTargets: 1 });
    const { affected, objects, summary } = compare(
      [experiment('a'), timer],
      [experiment('a'), timer, strict],
    );
    assert.deepEqual(
      affected.map(({ kind, name, before, after }) => [kind, name, before, after]),
      [
        ['Experiment', 'a', 'hits', 'refused'],
        ['Schedule', 'nightly', 'hits', 'refused'],
      ],
    );
    assert.match(affected[0]?.message ?? '', /^Policy default: 2 containers would be hit at once/);
    assert.deepEqual([summary.unchanged, summary.refused], [2, 2]);
    assert.deepEqual(
      objects[0]?.after?.refuses.map(({ object, outcome }) => [object, outcome]),
      [
        ['experiment/a', 'refused'],
        ['schedule/nightly', 'refused'],
      ],
    );
    const gone = compare([experiment('a'), timer], [timer]).affected;
    assert.deepEqual(
      gone.map(({ name, after }) => [name, after]),
      [['nightly', 'refused']],
    );
  });

  it('take a refusal for that of the Policy that it names, and of no other', () => {
    const two = [
      limit({ maxTargets: 1 }, 'shop'),
      limit({ maxTargets: 9 }, 'sho'),
      limit({ maxTargets: 9 }, 'shop-x'),
    ];
    const refusing = compare([], [experiment('a'), ...two]).objects.filter(
      ({ after }) => after?.refuses.length !== 0,
    );
    assert.deepEqual(names({ objects: refusing }), ['added Policy/shop']);
  });

  it('count limits that are looser, or other ones', () => {
    assert.equal(compare([limit({ maxTargets: 1 })], [limit({ maxTargets: 2 })]).summary.loosened, 1);
    assert.equal(compare([limit({ maxTargets: 2 })], [limit({ maxTargets: 1 })]).summary.loosened, 0);
    assert.equal(
      compare([limit({ protect: [{ project: 'a' }] })], [limit({ protect: [{ project: 'b' }] })]).summary
        .loosened,
      1,
    );
  });

  it('tell what of it is in the world now', () => {
    const active = [{ target: 'web-0', fault: 'container-pause' }];
    const { objects } = compareStates(stateOf(experiment('a')), stateOf(), worldOf([]), (kind, name) =>
      kind === 'Experiment' && name === 'a' ? active : [],
    );
    assert.deepEqual(objects[0]?.active, active);
  });
});
