import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Container, Mode, Selector } from '../../src/core/types.ts';
import { matches, shuffle, wanted } from '../../src/plan/select.ts';
import { container, containers } from './build.ts';

const worker: Container = container('visapi-worker-1', {
  project: 'visapi',
  service: 'worker',
  image: 'visapi/worker:2.1',
  labels: { tier: 'app', empty: '' },
  attachments: [
    { network: 'front', aliases: [] },
    { network: 'chaos-network', aliases: [] },
  ],
});

const CASES: [what: string, selector: Selector, holds: boolean][] = [
  ['nothing at all', {}, false],
  ['an empty map of labels', { labels: {} }, false],
  ['an empty list of label expressions', { labelExpressions: [] }, false],
  ['an empty list of names', { names: [] }, false],
  ['an empty list of services', { services: [] }, false],
  ['the project', { project: 'visapi' }, true],
  ['another project', { project: 'visap' }, false],
  ['the service among others', { services: ['backend', 'worker'] }, true],
  ['other services', { services: ['backend', 'work'] }, false],
  ['the exact name', { names: ['visapi-worker-1'] }, true],
  ['a part of the name', { names: ['visapi-worker'] }, false],
  ['a name with another case', { names: ['Visapi-worker-1'] }, false],
  ['an anchored expression', { names: ['/^visapi-.*$/'] }, true],
  ['an expression found inside', { names: ['/worker/'] }, true],
  ['an expression that is anchored elsewhere', { names: ['/^worker/'] }, false],
  ['one of several names', { names: ['redis', '/worker-[0-9]$/'] }, true],
  ['two slashes, which are no expression', { names: ['//'] }, false],
  ['labels with these values', { labels: { tier: 'app', empty: '' } }, true],
  ['labels of which one differs', { labels: { tier: 'app', empty: 'x' } }, false],
  ['a label that is not there', { labels: { zone: '' } }, false],
  ['In', { labelExpressions: [{ key: 'tier', operator: 'In', values: ['db', 'app'] }] }, true],
  ['In without the value', { labelExpressions: [{ key: 'tier', operator: 'In', values: ['db'] }] }, false],
  ['In without the label', { labelExpressions: [{ key: 'zone', operator: 'In', values: [''] }] }, false],
  ['NotIn', { labelExpressions: [{ key: 'tier', operator: 'NotIn', values: ['db'] }] }, true],
  [
    'NotIn with the value',
    { labelExpressions: [{ key: 'tier', operator: 'NotIn', values: ['app'] }] },
    false,
  ],
  [
    'NotIn without the label',
    { labelExpressions: [{ key: 'zone', operator: 'NotIn', values: ['a'] }] },
    true,
  ],
  ['Exists, though empty', { labelExpressions: [{ key: 'empty', operator: 'Exists' }] }, true],
  ['Exists without the label', { labelExpressions: [{ key: 'zone', operator: 'Exists' }] }, false],
  ['DoesNotExist', { labelExpressions: [{ key: 'zone', operator: 'DoesNotExist' }] }, true],
  ['DoesNotExist with the label', { labelExpressions: [{ key: 'empty', operator: 'DoesNotExist' }] }, false],
  [
    'two expressions of which one fails',
    {
      labelExpressions: [
        { key: 'tier', operator: 'Exists' },
        { key: 'zone', operator: 'Exists' },
      ],
    },
    false,
  ],
  ['the image', { images: ['visapi/worker:2.1'] }, true],
  ['an image glob', { images: ['visapi/*'] }, true],
  ['a glob with two stars', { images: ['*/worker:*'] }, true],
  ['a glob that matches a part only', { images: ['visapi/work'] }, false],
  ['a dot, which stands for itself', { images: ['visapi/worker:2x1', 'visapi.worker:2.1'] }, false],
  ['one of its networks', { networks: ['chaos-network'] }, true],
  ['other networks', { networks: ['back', 'chaos'] }, false],
  [
    'all criteria together',
    { project: 'visapi', services: ['worker'], names: ['/1$/'], labels: { tier: 'app' } },
    true,
  ],
  [
    'all but one criterion',
    { project: 'visapi', services: ['worker'], names: ['/2$/'], labels: { tier: 'app' } },
    false,
  ],
];

describe('a selector', () => {
  for (const [what, selector, holds] of CASES)
    it(`${holds ? 'matches' : 'does not match'} by ${what}`, () => {
      assert.equal(matches(selector, worker), holds);
    });

  it('does not take a container without labels for one of an unnamed project or service', () => {
    const bare = container('bare', { optIn: false, labels: {} });
    assert.equal(matches({ services: [''] }, bare), false);
    assert.equal(matches({ project: '' }, bare), false);
  });
});

describe('a mode', () => {
  const cases: [Mode, available: number, count: number][] = [
    ['all', 0, 0],
    ['all', 7, 7],
    ['one', 7, 1],
    ['one', 0, 1], // one is wanted: that none is there is for the caller to say
    [{ count: 3 }, 7, 3],
    [{ count: 3 }, 2, 3],
    [{ percent: 50 }, 4, 2],
    [{ percent: 50 }, 5, 2],
    [{ percent: 50 }, 1, 0],
    [{ percent: 99 }, 1, 0],
    [{ percent: 34 }, 3, 1],
    [{ percent: 33 }, 3, 0],
    [{ percent: 29 }, 100, 29],
    [{ percent: 100 }, 7, 7],
    [{ maxPercent: 50 }, 1, 0],
    [{ maxPercent: 50 }, 3, 1],
  ];
  for (const [mode, available, count] of cases)
    it(`${JSON.stringify(mode)} of ${available} comes to ${count}`, () => {
      assert.equal(wanted(mode, available, 'seed'), count);
    });

  it('of a percentage is rounded down, as whole numbers are divided', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.nat(1000), (percent, available) => {
        assert.equal(
          wanted({ percent }, available, ''),
          Number((BigInt(available) * BigInt(percent)) / 100n),
        );
      }),
    );
  });

  it('maxPercent draws at least one and at most the share, by the seed alone', () => {
    const drawn = new Set<number>();
    for (let seed = 0; seed < 200; seed += 1) {
      const count = wanted({ maxPercent: 50 }, 10, `${seed}`);
      assert.equal(wanted({ maxPercent: 50 }, 10, `${seed}`), count);
      drawn.add(count);
    }
    assert.deepEqual([...drawn].sort(), [1, 2, 3, 4, 5]);
  });
});

describe('the order of the draw', () => {
  const names = (list: readonly Container[]) => list.map(({ name }) => name);
  const ten = containers(10);

  it('is the same for the same seed, however the candidates come', () => {
    assert.deepEqual(names(shuffle(ten, '7')), names(shuffle([...ten].reverse(), '7')));
    assert.notDeepEqual(names(shuffle(ten, '7')), names(shuffle(ten, '8')));
  });

  it('does not hang on ids: a re-created container takes its old place', () => {
    const again = ten.map((one) => ({ ...one, id: one.id.split('').reverse().join('') }));
    assert.deepEqual(names(shuffle(again, '7')), names(shuffle(ten, '7')));
  });

  it('of two stays as it was, whoever else is there', () => {
    fc.assert(
      fc.property(fc.string(), fc.shuffledSubarray(ten, { minLength: 2 }), (seed, some) => {
        const all = names(shuffle(ten, seed));
        const part = names(shuffle(some, seed));
        assert.deepEqual(
          part,
          all.filter((name) => part.includes(name)),
        );
      }),
    );
  });

  it('gives everybody a chance to be first', () => {
    const first = new Set(Array.from({ length: 300 }, (_, seed) => shuffle(ten, `${seed}`)[0]?.name));
    assert.equal(first.size, ten.length);
  });

  it('leaves what it was given alone', () => {
    const given = Object.freeze([...ten]);
    assert.equal(shuffle(given, '7').length, ten.length);
  });
});
