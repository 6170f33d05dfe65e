import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isBranchName, parseRemote } from '../../src/runtime/git-remote.ts';

function basic(userinfo: string): string {
  return `Authorization: Basic ${Buffer.from(userinfo).toString('base64')}`;
}

describe('a remote', () => {
  const cases: [given: string, url: string, shown: string, header?: string][] = [
    ['https://host/a.git', 'https://host/a.git', 'https://host/a.git'],
    ['https://ada:s%40cret@host:8443/a', 'https://host:8443/a', 'https://host:8443/a', basic('ada:s@cret')],
    ['HTTPS://ada:s3cret@[::1]:80/a', 'https://[::1]:80/a', 'https://[::1]:80/a', basic('ada:s3cret')],
    ['https://ada:a@b:c@host/a', 'https://host/a', 'https://host/a', basic('ada:a@b:c')],
    // without a password the user's own helper is asked for one, by that name
    ['https://ada@host/a', 'https://ada@host/a', 'https://host/a'],
    ['https://host/a?token=s3cret#x', 'https://host/a?token=s3cret#x', 'https://host/a'],
    ['ssh://git@host:22/~/a', 'ssh://git@host:22/~/a', 'ssh://git@host:22/~/a'],
    ['ssh://git:s3cret@host/a', 'ssh://git@host/a', 'ssh://git@host/a'],
    ['git@host:group/a.git', 'git@host:group/a.git', 'git@host:group/a.git'],
    ['git://host/a', 'git://host/a', 'git://host/a'],
    ['file:///srv/a#1.git', 'file:///srv/a#1.git', 'file:///srv/a#1.git'],
    ['/srv/my a.git', '/srv/my a.git', '/srv/my a.git'],
    ['./a:b', resolve('a:b'), resolve('a:b')],
    ['a/b', resolve('a/b'), resolve('a/b')],
  ];
  for (const [given, url, shown, header] of cases) {
    it(`is read from ${given}`, () => {
      const remote = parseRemote(given);
      assert.deepEqual([remote.url, remote.shown, remote.header], [url, shown, header]);
    });
  }

  for (const given of [
    '',
    '-o',
    '--upload-pack=id',
    'ext::sh -c id',
    'ext://id',
    'ftp://host/a',
    'https://host/a\nb',
    'https://ada:s3/cret@host/a',
  ]) {
    it(`is refused, without a word of its password: ${JSON.stringify(given)}`, () => {
      assert.throws(
        () => parseRemote(given),
        (error: Error & { code?: string }) => error.code === 'SQ501' && !error.message.includes('cret'),
      );
    });
  }

  it('keeps its password out of whatever is told or run', () => {
    const secret = fc
      .string({ unit: fc.constantFrom('x', 'Y', '7', '@', ':', '%', '/', '!', ' ', 'ü'), minLength: 6 })
      .filter((text) => /[xY7]{3}/.test(text));
    fc.assert(
      fc.property(secret, fc.constantFrom('https', 'http', 'ssh'), (password, scheme) => {
        const written = encodeURIComponent(password);
        const given = `${scheme}://ada:${written}@host/a.git`;
        const remote = parseRemote(given);
        const told = [
          remote.url,
          remote.shown,
          remote.redact(`fatal: unable to access '${given}/': it`),
          remote.redact(`password ${password} or ${written}`),
          remote.redact(`> ${remote.header ?? ''}`),
        ].join('\n');
        assert.ok(!told.includes(password) && !told.includes(written), told);
        if (remote.header !== undefined) assert.ok(!told.includes(remote.header.split(' ')[2] as string));
      }),
    );
  });

  it('takes users and passwords out of other URLs too', () => {
    const { redact } = parseRemote('/srv/a');
    assert.equal(
      redact('redirect to https://a:b@c/d and ssh://e:f@g/h, not mail@i'),
      'redirect to https://c/d and ssh://e@g/h, not mail@i',
    );
    assert.equal(
      parseRemote('https://ghp_0123456789@host/a').redact('no ghp_0123456789 here'),
      'no *** here',
    );
  });
});

describe('the name of a branch', () => {
  for (const name of ['main', 'feature/a-b', 'ä', 'v1.2', 'a@b', '@a']) {
    it(`may be ${name}`, () => assert.ok(isBranchName(name)));
  }
  const wrong = ['', '-x', '/a', 'a/', 'a//b', '.a', 'a/.b', 'a..b', 'a.', 'a.lock', 'a.lock/b', '@', 'a@{b'];
  for (const name of [...wrong, 'a b', 'a:b', 'a*', 'a?', 'a[', 'a\\', 'a^', 'a~1', 'a\n', 'a\x7f']) {
    it(`may not be ${JSON.stringify(name)}`, () => assert.ok(!isBranchName(name)));
  }
});
