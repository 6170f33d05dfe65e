import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const scripts = new URL('../../scripts/', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'squall-tooling-'));
after(() => rmSync(folder, { recursive: true }));

/** The scripts are plain JavaScript: they run before there is a compiler. */
async function load<T>(name: string): Promise<T> {
  return (await import(new URL(name, scripts).href)) as T;
}

function testRunner(args: string[], env: Record<string, string>): { status: number | null; stderr: string } {
  const script = fileURLToPath(new URL('test.mjs', scripts));
  return spawnSync(process.execPath, [script, ...args], {
    encoding: 'utf8',
    env: { ...process.env, CI: '', DOCKER_HOST: `unix://${join(folder, 'none.sock')}`, ...env },
  });
}

describe('npm test', () => {
  it('says loudly that a lane did not run, and fails for it in CI only', () => {
    const atHome = testRunner(['engine'], {});
    assert.equal(atHome.status, 0, atHome.stderr);
    assert.match(atHome.stderr, /SKIPPED +engine/);
    assert.match(atHome.stderr, /does not answer \(ENOENT\)/);
    const inCi = testRunner(['engine'], { CI: 'true' });
    assert.equal(inCi.status, 1);
    assert.match(inCi.stderr, /SKIPPED +engine/);
  });

  it('refuses a lane that does not exist, and a filter that keeps nothing', () => {
    const lane = testRunner(['units'], {});
    assert.deepEqual([lane.status, /No lane is called units\. Lanes: types,/.test(lane.stderr)], [1, true]);
    const filter = testRunner(['--filter', 'no/such/path'], {});
    assert.deepEqual([filter.status, /holds "no\/such\/path"/.test(filter.stderr)], [1, true]);
  });
});

describe('the question whether an engine is there', () => {
  for (const status of [200, 500])
    it(`reads HTTP ${status} as ${status === 200 ? 'yes' : 'no'}`, async (t) => {
      const { askEngine } = await load<{ askEngine(): Promise<{ ok: boolean }> }>('bootstrap.mjs');
      const socket = join(folder, `${status}.sock`);
      const server = createServer((_, reply) => reply.writeHead(status).end()).listen(socket);
      await once(server, 'listening');
      const before = process.env.DOCKER_HOST;
      process.env.DOCKER_HOST = `unix://${socket}`;
      t.after(() => {
        server.close();
        if (before === undefined) delete process.env.DOCKER_HOST;
        else process.env.DOCKER_HOST = before;
      });
      assert.equal((await askEngine()).ok, status === 200);
    });
});

describe('the search for what a test run left behind', () => {
  it('finds a process by the environment it was started with, its own session or not, until it ends', async () => {
    const { processesWith } = await load<{
      processesWith(name: string, value: string): { pid: number; command: string }[];
    }>('leftovers.mjs');
    const mark = `mark-${process.pid}`;
    const child = spawn('sleep', ['60'], { detached: true, env: { ...process.env, SQUALL_MARK: mark } });
    await once(child, 'spawn');
    assert.deepEqual(processesWith('SQUALL_MARK', mark), [{ pid: child.pid, command: 'sleep 60' }]);
    assert.deepEqual(processesWith('SQUALL_MARK', `${mark}0`), []);
    child.kill();
    await once(child, 'exit');
    assert.deepEqual(processesWith('SQUALL_MARK', mark), []);
  });
});
