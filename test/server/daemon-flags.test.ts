import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { type Scratch, scratch, squall } from '../cli/fixture.ts';

let place: Scratch;

before(() => {
  place = scratch();
});

after(() => place.remove());

afterEach(() => {
  for (const name of ['SQUALL_TOKEN', 'SQUALL_LISTEN', 'SQUALL_TOKEN_FILE']) delete process.env[name];
});

/** `squall daemon`, with flags that keep it from starting: it is refused before it makes anything. */
async function daemon(...flags: string[]) {
  const state = join(place.dir, 'state');
  const told = await squall([
    'daemon',
    '--manifests',
    place.dir,
    '--state',
    state,
    '--no-sentinel',
    ...flags,
  ]);
  assert.ok(!existsSync(state), 'it was started');
  return told;
}

describe('squall daemon --listen', { timeout: 20_000 }, () => {
  it('is refused without a token, and says how to make one', async () => {
    const { code, err } = await daemon('--listen', '127.0.0.1:0');
    assert.equal(code, 2);
    assert.match(err, /SQ501.*no token/);
    assert.match(err, /openssl rand -hex 32/);
  });

  it('is refused with a token of fewer than 16 characters', async () => {
    process.env.SQUALL_TOKEN = 'fifteen-letters';
    const { code, err } = await daemon('--listen', '127.0.0.1:0');
    assert.deepEqual([code, /fewer than 16/.test(err), err.includes('fifteen')], [2, true, false]);
    assert.equal(process.env.SQUALL_TOKEN, undefined, 'what the daemon starts would inherit it');
  });

  it('may come from the environment, with its file', async () => {
    const file = join(place.dir, 'token');
    writeFileSync(file, 'short');
    process.env.SQUALL_LISTEN = '127.0.0.1:0';
    process.env.SQUALL_TOKEN_FILE = file;
    const { code, err } = await daemon();
    assert.deepEqual([code, err.includes(`${file} has fewer than 16`)], [2, true]);
  });

  it('is refused where it is no address', async () => {
    process.env.SQUALL_TOKEN = 'correct-horse-battery';
    const { code, err } = await daemon('--listen', '8080');
    assert.deepEqual([code, /"8080" is no address/.test(err)], [2, true]);
  });

  it('takes no token as a flag: process lists show those', async () => {
    const { code, err } = await daemon('--listen', '127.0.0.1:0', '--token', 'correct-horse-battery');
    assert.deepEqual([code, /unknown option/.test(err)], [2, true]);
  });
});
