import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatOf } from '../../../src/manifests/formats.ts';
import { excerpt, printable, withoutEcho } from '../../../src/probes/text/excerpt.ts';
import { whyNot } from '../../../src/probes/text/search.ts';

describe('a search', () => {
  it('finds text as it is, and a regular expression between slashes', () => {
    assert.equal(whyNot('a.c', 'xa.cx'), undefined);
    assert.equal(whyNot('a.c', 'xabcx'), 'does not contain "a.c"');
    assert.equal(whyNot('/a.c/', 'xabcx'), undefined);
    assert.equal(whyNot('/^a.c$/', 'xabcx'), 'does not match /^a.c$/');
    assert.equal(whyNot('//', 'a//b'), undefined);
    assert.equal(whyNot('/', 'a/b'), undefined);
  });

  it('anchors to the whole text', () => {
    assert.equal(whyNot('/^b$/', 'a\nb\nc'), 'does not match /^b$/');
  });

  it('gives up on an expression that takes too long, whatever the checks let through', () => {
    const start = performance.now();
    const why = whyNot('/(a+)+$/', `${'a'.repeat(60)}!`);
    assert.match(why ?? '', /^takes more than 100 ms to search for/);
    assert.ok(performance.now() - start < 1000);
    assert.equal(whyNot('/b/', 'abc'), undefined, 'and the next search is as good as any');
  });

  it('shows the beginning of what it looked for, printable', () => {
    assert.equal(whyNot('\u001b[31m\nx', ''), 'does not contain "[31m x"');
    assert.match(whyNot('x'.repeat(200), '') ?? '', /^does not contain "x{60}\.\.\."$/);
  });
});

describe('the format regex-or-text', () => {
  const test = (text: string) => formatOf('regex-or-text')?.test(text);
  const why = (text: string) => formatOf('regex-or-text')?.why?.(text);

  it('takes any text, with slashes and stars in it too', () => {
    for (const text of ['ok', '/v1/users', 'text/html', '*', '"a": 1', '/', '//', '+PONG', '/srv/app/'])
      assert.equal(test(text), true, text);
  });

  it('takes expressions, and refuses those that can take forever', () => {
    for (const text of ['/^ok$/', '/a+b*/', '/"status": ?"(ok|fine)"/']) assert.equal(test(text), true, text);
    for (const text of ['/(a+)+/', '/(a|a)*$/', '/(x)\\1/', '/(/', `/${'a'.repeat(201)}/`])
      assert.equal(test(text), false, text);
    assert.match(why('/(a+)+/') ?? '', /can take forever/);
  });

  it('says that there are no flags, and that nothing is in everything', () => {
    assert.match(why('/ok/i') ?? '', /flags are not supported/);
    assert.match(why('') ?? '', /in everything/);
  });

  it('lets through nothing that the search cannot take', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (wanted, text) => {
        if (test(wanted)) whyNot(wanted, text);
      }),
    );
  });
});

describe('an excerpt', () => {
  it('is one line of printable characters, cut', () => {
    assert.equal(excerpt('a\r\n\tb\u0000\u009bc\u202ed\u2028e '), '"a b c d e"');
    assert.equal(printable('x'.repeat(81)), `${'x'.repeat(80)}...`);
    assert.equal(printable('x'.repeat(80)), 'x'.repeat(80));
    assert.equal(printable('€'.repeat(80)), '€'.repeat(80));
  });

  it('never holds anything that a terminal would act on', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.doesNotMatch(printable(text), /[\p{C}\p{Zl}\p{Zp}]/u);
        assert.ok([...printable(text)].length <= 83);
      }),
    );
  });
});

describe('an echo', () => {
  it('is blotted out word by word, the longest first', () => {
    assert.equal(
      withoutEcho('got AUTH secret-1 and secret-12', 'AUTH secret-1 secret-12'),
      'got *** *** and ***',
    );
  });

  it('is found where only a part of it comes back', () => {
    assert.equal(withoutEcho('no such token: hunter2!', 'auth token="hunter2"\r\n'), 'no such ***: ***!');
  });

  it('leaves short words alone, which are anywhere', () => {
    assert.equal(withoutEcho('a bad day', 'a bad'), 'a bad day');
  });
});
