import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { VERSION } from '../../src/core/version.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { until } from '../lab/until.ts';
import { event, fillState, type Scratch, scratch } from './fixture.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

let place: Scratch;
let journal: Journal;
let env: NodeJS.ProcessEnv;

before(() => {
  place = scratch();
  journal = fillState(join(place.dir, 'state'));
  journal.transaction(() => {
    for (let index = 0; index < 3000; index++) journal.events.add(event('x'.repeat(200)));
  });
  env = { ...process.env, SQUALL_STATE: join(place.dir, 'state'), NO_COLOR: '', FORCE_COLOR: undefined };
});

after(() => {
  journal.close();
  place.remove();
});

interface Started {
  child: ChildProcess;
  told: { out: string; err: string };
  ended: Promise<unknown[]>;
}

function start(args: readonly string[], more: NodeJS.ProcessEnv = {}): Started {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: place.dir,
    env: { ...env, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const told = { out: '', err: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    told.out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    told.err += text;
  });
  return { child, told, ended: once(child, 'close') };
}

async function squall(args: readonly string[], more: NodeJS.ProcessEnv = {}) {
  const { told, ended } = start(args, more);
  const [code] = await ended;
  return { code, ...told };
}

describe('the process', () => {
  it('tells its version', async () =>
    assert.deepEqual(await squall(['--version']), { code: 0, out: `${VERSION}\n`, err: '' }));

  it('helps on stdout when asked, on stderr when it was not', async () => {
    const asked = await squall(['help', 'get']);
    assert.deepEqual([asked.code, asked.err], [0, '']);
    assert.match(asked.out, /--selector/);
    const bare = await squall([]);
    assert.deepEqual([bare.code, bare.out], [2, '']);
    assert.match(bare.err, /Usage: squall/);
  });

  it('names the nearest verb', async () => {
    assert.deepEqual(await squall(['gte']), {
      code: 2,
      out: '',
      err: "error SQ501: unknown command 'gte'\n  hint: Did you mean get?\n",
    });
  });

  it('refuses options it does not know, and values it does not understand', async () => {
    assert.equal((await squall(['get', 'experiments', '--colour'])).code, 2);
    const { code, err } = await squall(['daemon', '--resync', '30']);
    assert.equal(code, 2);
    assert.match(err, /^error SQ501: .*--resync.*Expected a duration/);
    assert.equal((await squall(['daemon'], { SQUALL_LOG_LEVEL: 'loud' })).code, 2);
  });

  it('takes the state directory from the environment', async () => {
    assert.match((await squall(['get', 'experiments'])).out, /freeze +Running/);
  });

  it('has no colour in a pipe, but when forced', async () => {
    assert.ok(!(await squall(['get', 'experiments'])).out.includes('\u001b'));
    assert.ok((await squall(['get', 'experiments'], { FORCE_COLOR: '1' })).out.includes('\u001b[33mRunning'));
  });

  it('loses nothing to a slow reader', async () => {
    const { child, told, ended } = start(['events', '-o', 'json']);
    child.stdout?.pause();
    await until('the pipe to be full', () => (child.stdout?.readableLength ?? 0) > 0);
    child.stdout?.resume();
    assert.equal((await ended)[0], 0);
    assert.equal(told.out.split('\n').length, 3002);
  });

  it('says nothing when its reader goes away', async () => {
    const { child, told, ended } = start(['events']);
    child.stdout?.once('data', () => child.stdout?.destroy());
    const [code, signal] = await ended;
    assert.deepEqual([code, signal, told.err], [0, null, '']);
  });

  it('fails when its output cannot be written', async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [MAIN, 'events'], { env, stdio: ['ignore', full, 'pipe'] });
    let err = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      err += chunk;
    });
    const [code] = await once(child, 'close');
    closeSync(full);
    assert.deepEqual(
      [code, err],
      [1, 'error: the output cannot be written: ENOSPC: no space left on device, write\n'],
    );
  });

  it('ends a watch on Ctrl-C with 130 and no noise', async () => {
    const { child, told, ended } = start(['get', 'experiments', '-w']);
    await until('rows', () => told.out.includes('rest'));
    child.kill('SIGINT');
    const [code, signal] = await ended;
    assert.deepEqual([code, signal, told.err], [130, null, '']);
  });
});
