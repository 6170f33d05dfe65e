import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createLog, type Log } from '../../src/core/log.ts';
import { tcpOptions } from '../../src/server/tcp.ts';
import { checkToken, openToken } from '../../src/server/token.ts';
import { type Scratch, scratch } from '../cli/fixture.ts';

const TOKEN = 'correct-horse-battery';

let place: Scratch;
let file: string;
let lines: string[];
let log: Log;

before(() => {
  place = scratch();
  file = join(place.dir, 'token');
});

beforeEach(() => {
  lines = [];
  log = createLog('debug', { write: (line) => lines.push(line) });
  rmSync(file, { recursive: true, force: true });
});

after(() => place.remove());

function refuses(message: RegExp, run: () => unknown): void {
  assert.throws(run, (error: { code: string; message: string; hint: string }) => {
    assert.equal(error.code, 'SQ501');
    assert.match(error.message, message);
    assert.match(error.hint, /openssl rand -hex 32/);
    return true;
  });
}

function write(text: string | Buffer): void {
  writeFileSync(file, text, { mode: 0o600 });
}

describe('a token', () => {
  it('must be there', () => refuses(/no token/, () => checkToken(undefined)));

  const wrong: [string, RegExp][] = [
    ['', /holds no token/],
    ['  \n', /holds no token/],
    ['fifteen-letters', /fewer than 16/],
    ['correct horse battery', /other than ASCII/],
    ['löwenzahn-löwenzahn', /other than ASCII/],
    ['first-line-of-two\nsecond-line-of-two', /other than ASCII/],
    ['nul\u0000nul\u0000nul\u0000nul\u0000', /other than ASCII/],
  ];
  for (const [text, message] of wrong)
    it(`may not be ${JSON.stringify(text)}, and is not shown`, () => {
      write(text);
      for (const source of [{ text }, { file }])
        refuses(message, () => {
          try {
            checkToken(source);
          } catch (error) {
            if (text.trim() !== '') assert.ok(!JSON.stringify([error, `${error}`]).includes(text.trim()));
            throw error;
          }
        });
    });

  it('of 16 characters will do', () => {
    assert.equal(openToken({ text: 'sixteen-letters!' }, log).read(), 'sixteen-letters!');
  });
});

describe('the file of a token', () => {
  it('may end in a newline', () => {
    write(`${TOKEN}\n`);
    assert.equal(openToken({ file }, log).read(), TOKEN);
    assert.deepEqual(lines, []);
  });

  it('must be there', () => refuses(/is not there/, () => checkToken({ file })));

  it('must be a file', () => {
    mkdirSync(file);
    refuses(/no regular file/, () => checkToken({ file }));
    rmSync(file, { recursive: true });
    execFileSync('mkfifo', [file]);
    refuses(/no regular file/, () => checkToken({ file }));
  });

  it('must be short', () => {
    write('x'.repeat(4097));
    refuses(/longer than 4096/, () => checkToken({ file }));
  });

  it('gives another token at once when it holds one, of the same length and age too', () => {
    write(TOKEN);
    const token = openToken({ file }, log);
    for (const each of ['another-horse-battery', 'yet-a-horse-a-battery', TOKEN]) {
      write(each);
      assert.equal(token.read(), each);
    }
  });

  it('gives none while it is missing, empty or too short, and says so once', () => {
    write(TOKEN);
    const token = openToken({ file }, log);
    for (const text of ['', 'short']) {
      write(text);
      assert.deepEqual([token.read(), token.read()], [undefined, undefined]);
    }
    rmSync(file);
    assert.deepEqual([token.read(), token.read()], [undefined, undefined]);
    write(TOKEN);
    assert.equal(token.read(), TOKEN);
    assert.equal(lines.length, 3);
    assert.ok(lines.every((line) => line.includes(file) && !line.includes(TOKEN)));
  });

  it('that everybody may read is warned of', () => {
    write(TOKEN);
    chmodSync(file, 0o644);
    openToken({ file }, log);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /chmod 600/);
  });
});

describe('what the command line asks for', () => {
  const none = { listen: undefined, tokenFile: undefined, token: undefined };

  it('is no listener where none is named', () => {
    assert.equal(tcpOptions({ ...none, token: TOKEN }), undefined);
    assert.equal(tcpOptions({ ...none, listen: '', tokenFile: '/nowhere' }), undefined);
  });

  it('is no listener without a token', () => {
    refuses(/no token/, () => tcpOptions({ ...none, listen: ':8080' }));
    refuses(/no token/, () => tcpOptions({ ...none, listen: ':8080', token: '', tokenFile: '' }));
    refuses(/fewer than 16/, () => tcpOptions({ ...none, listen: ':8080', token: 'short' }));
  });

  it('takes the file rather than the environment', () => {
    write(TOKEN);
    const { token } = tcpOptions({ listen: ':0', tokenFile: file, token: 'another-token-altogether' }) ?? {};
    assert.deepEqual(token, { file });
  });
});
