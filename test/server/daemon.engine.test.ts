import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { statePaths } from '../../src/daemon/paths.ts';
import { type Scratch, scratch } from '../cli/fixture.ts';
import { until } from '../lab/until.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const TOKEN = 'correct-horse-battery';

let place: Scratch;
let child: ChildProcess;
let log: string;
let ended: Promise<unknown[]>;

beforeEach(() => {
  place = scratch();
  mkdirSync(join(place.dir, 'manifests'));
  log = '';
});

afterEach(async () => {
  child.kill('SIGKILL');
  await ended;
  place.remove();
});

/** The daemon as people start it; no sentinel outlives it. */
function start(listen: string): void {
  const { dir } = place;
  const flags = ['--manifests', join(dir, 'manifests'), '--state', join(dir, 'state'), '--listen', listen];
  child = spawn(process.execPath, [MAIN, 'daemon', ...flags, '--no-sentinel', '--instance', dir.slice(-6)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, SQUALL_TOKEN: TOKEN },
  });
  child.stderr?.on('data', (chunk: Buffer) => (log += chunk));
  ended = once(child, 'exit');
}

/** The environments of the processes that `pid` has started and that still live. */
function environmentsBelow(pid: number): string[] {
  return readdirSync('/proc').flatMap((entry) => {
    try {
      const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${entry}/status`, 'utf8'))?.[1];
      return Number(parent) === pid ? [readFileSync(`/proc/${entry}/environ`, 'utf8')] : [];
    } catch {
      return [];
    }
  });
}

describe('a daemon that listens', { timeout: 120_000 }, () => {
  it('answers who has the token, and hands it to nobody that it starts', async () => {
    start('127.0.0.1:0');
    const url = await until('the address', () => /http:\/\/127\.0\.0\.1:\d+/.exec(log)?.[0], 45_000);
    const ready = async () =>
      (await fetch(`${url}/readyz`, { headers: { authorization: `Bearer ${TOKEN}` } })).status === 200;
    await until('the daemon to be ready', ready, 45_000);
    assert.equal((await fetch(`${url}/readyz`)).status, 401);
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    const environments = environmentsBelow(child.pid ?? 0).filter((text) => text !== '');
    assert.ok(environments.length > 0);
    assert.ok(!environments.join('').includes(TOKEN));
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    assert.ok(!log.includes(TOKEN));
  });

  it('ends with an error, and leaves no socket, where somebody else listens already', async (t) => {
    const other = createNetServer().listen(0, '127.0.0.1');
    t.after(() => other.close());
    await once(other, 'listening');
    start(`127.0.0.1:${(other.address() as AddressInfo).port}`);
    assert.deepEqual(await ended, [1, null]);
    assert.match(log, /SQ304.*another process listens on 127\.0\.0\.1/);
    assert.ok(!existsSync(statePaths(join(place.dir, 'state')).socket));
  });
});
