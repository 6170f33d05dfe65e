import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openSite, type Site } from '../lab/daemon.ts';
import { until } from '../lab/until.ts';
import { squall } from './fixture.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

let site: Site;
beforeEach(() => {
  site = openSite('logs');
});
afterEach(() => site.close());

const logs = async (...args: string[]) => (await squall(['logs', '--state', site.paths.dir, ...args])).out;

describe('logs of a daemon', () => {
  it('are those that it wrote to stderr, with it dead too, and followed over its restart', async (context) => {
    const first = await site.start();
    const child = spawn(process.execPath, [MAIN, 'logs', '-f', '-n', '1', '--state', site.paths.dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    context.after(() => child.kill('SIGKILL'));
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk;
    });
    await until('the lines of the first', () => readFileSync(site.paths.log, 'utf8') === first.log());
    await until('the follower', () => out !== '');
    await first.stop();
    await until('the end of the first', () => /stopping: what runs goes on/.test(out));
    const second = await site.start();
    await until('the start of the second', () => /INFO {2}ready manifests=/.test(out));
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'close'), [130, null]);
    await second.kill();
    const kept = await logs('-o', 'json');
    assert.equal(kept.match(/"msg":"ready"/g)?.length, 2);
    assert.ok(kept.startsWith(first.log()), 'all of the first');
  });

  it('tell the end of a daemon that an error ended, but nothing of one that had no right to the directory', async () => {
    const daemon = await site.start();
    const second = await site.start({ wait: false });
    assert.equal(await second.ended, 1);
    assert.match(second.log(), /SQ304/);
    assert.doesNotMatch(await logs(), /SQ304/);
    await daemon.stop();
    mkdirSync(site.paths.socket);
    const failed = await site.start({ wait: false, sentinel: false });
    assert.notEqual(await failed.ended, 0);
    assert.match(await logs('-n', '1'), /FATAL ended by an error error=.*squall\.sock/);
  });

  it('are kept of the sentinel too', async () => {
    await site.start();
    await until('the sentinel', async () => /INFO {2}watching role=sentinel/.test(await logs('--sentinel')));
    assert.doesNotMatch(await logs(), /role=sentinel/);
  });
});
