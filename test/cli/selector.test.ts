import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseSelector } from '../../src/cli/selector.ts';

const labels = { suite: 'nightly', 'app.io/tier': 'db', empty: '' };

describe('a label selector', () => {
  const cases: [string, boolean][] = [
    ['suite=nightly', true],
    ['suite==nightly', true],
    ['suite = nightly', true],
    ['suite!=nightly', false],
    ['other!=x', true],
    ['other=x', false],
    ['suite', true],
    ['!suite', false],
    ['!other', true],
    ['suite in (daily, nightly)', true],
    ['suite notin (daily,nightly)', false],
    ['other notin (a)', true],
    ['app.io/tier=db,suite in (nightly)', true],
    ['app.io/tier=db,suite=daily', false],
    ['empty=', true],
    ['constructor', false],
  ];
  for (const [text, matches] of cases) {
    it(`${text} ${matches ? 'matches' : 'does not match'}`, () =>
      assert.equal(parseSelector(text)(labels), matches));
  }

  for (const text of ['', 'a=b,', 'a in b', '=b', 'a>b', 'a in (b'])
    it(`"${text}" is refused`, () => assert.throws(() => parseSelector(text), { code: 'SQ501' }));
});
