import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PHASES } from '../../src/core/types.ts';
import { createStyle, paintWord, wantsColour } from '../../src/report/style.ts';

describe('colour', () => {
  const cases: [string, Record<string, string>, boolean, boolean][] = [
    ['is for terminals', {}, true, true],
    ['is not for pipes', {}, false, false],
    ['yields to NO_COLOR', { NO_COLOR: '1' }, true, false],
    ['is not moved by an empty NO_COLOR', { NO_COLOR: '' }, true, true],
    ['follows FORCE_COLOR into a pipe', { FORCE_COLOR: '1' }, false, true],
    ['follows FORCE_COLOR=0 away', { FORCE_COLOR: '0' }, true, false],
    ['yields to NO_COLOR even when forced', { NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
    ['is not for dumb terminals', { TERM: 'dumb' }, true, false],
  ];
  for (const [name, env, isTty, wanted] of cases) {
    it(name, () => assert.equal(wantsColour(env, isTty), wanted));
  }

  it('leaves text alone where it is off', () => assert.equal(createStyle(false).bad('x'), 'x'));

  it('is there for every phase', () => {
    const style = createStyle(true);
    for (const phase of PHASES) assert.notEqual(paintWord(style, phase), phase, phase);
  });
});
