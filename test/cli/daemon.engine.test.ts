import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { DatabaseSync } from 'node:sqlite';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openHaltFile } from '../../src/journal/halt-file.ts';
import { type Daemon, endSentinel, openSite, type Site } from '../lab/daemon.ts';
import { type Lab, type LabContainer, openLab } from '../lab/lab.ts';
import { experiment } from '../lab/manifest.ts';
import { until } from '../lab/until.ts';
import { squall } from './fixture.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

let lab: Lab;
let site: Site;
let target: LabContainer;

before(async () => {
  lab = await openLab('cli');
});

after(() => lab.close());

beforeEach(async () => {
  target = await lab.run();
  site = openSite('cli');
});

afterEach(() => site.close());

const say = (...args: string[]) => squall([...args, '--state', site.paths.dir]);
const isPaused = async () => (await target.inspect()).State.Paused;

describe('the command line with a daemon', () => {
  let daemon: Daemon;

  beforeEach(async () => {
    site.write(
      'freeze.json',
      experiment('freeze', target, [{ type: 'container-pause' }], { duration: '60s' }),
    );
    daemon = await site.start();
    await site.phase('freeze', 'Running');
    await until('the pause', () => site.effects('freeze')[0]?.phase === 'injected');
  });

  it('follows an experiment from run to halt, resume and suspend', async () => {
    assert.match((await say('get', 'experiments')).out, /freeze +Running +1\/1 +container-pause/);
    const twice = await say('run', 'freeze');
    assert.deepEqual([twice.code, /SQ206/.test(twice.err)], [1, true]);
    assert.deepEqual((await say('halt', 'freeze')).out, 'experiment/freeze halted\n');
    assert.equal(await isPaused(), false);
    assert.match((await say('get', 'experiments')).out, /freeze +Halted/);
    assert.equal((await say('resume', 'freeze')).code, 0);
    await until('the pause to be back', isPaused);
    assert.deepEqual((await say('suspend', 'freeze')).out, 'experiment/freeze suspended\n');
    assert.equal(await isPaused(), false);
    assert.match((await say('describe', 'freeze')).out, /Recovered +experiment\/freeze/);
  });

  it('finds no difference while what is declared is there', async () => {
    const { code, out } = await squall(['diff', site.manifests, '--state', site.paths.dir]);
    assert.deepEqual([code, out], [0, '']);
  });

  it('halts all although the daemon hangs, and the daemon keeps to it when it goes on', async () => {
    process.kill(daemon.pid, 'SIGSTOP');
    try {
      const { err } = await say('halt', '--all');
      assert.match(err, /acting without it/);
      assert.equal(await isPaused(), false);
    } finally {
      process.kill(daemon.pid, 'SIGCONT');
    }
    await site.phase('freeze', 'Halted');
    assert.equal(await isPaused(), false);
  });

  it('halts all although somebody who hangs keeps the journal from being written', async () => {
    await daemon.kill();
    await endSentinel(site.dir);
    const locker = new DatabaseSync(site.paths.journal);
    locker.exec('BEGIN IMMEDIATE');
    try {
      await say('halt', '--all');
      assert.equal(await isPaused(), false);
      assert.equal(openHaltFile(site.paths.halt).read(), true);
    } finally {
      locker.close();
    }
  });

  it('halts all although the daemon is dead', async () => {
    await daemon.kill();
    assert.equal((await say('halt', '--all')).code, 0);
    assert.equal(await isPaused(), false);
  });
});

describe('squall daemon', () => {
  it('runs until SIGTERM, alone on its state directory', async (context) => {
    const args = [
      'daemon',
      '-m',
      site.manifests,
      '--state',
      site.paths.dir,
      '--instance',
      `cli-${site.dir.slice(-6)}`,
      '--no-sentinel',
    ];
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'inherit', 'pipe'] });
    context.after(() => child.kill('SIGKILL'));
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => {
      log += chunk;
    });
    const ready = () => {
      if (log.includes('"ready"')) return true;
      throw new Error(log);
    };
    await until('the daemon to be ready', ready, 20_000);
    const second = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'inherit', 'pipe'] });
    let refusal = '';
    second.stderr.on('data', (chunk: Buffer) => {
      refusal += chunk;
    });
    assert.deepEqual((await once(second, 'close'))[0], 1);
    assert.match(refusal, /^error SQ304: another daemon has the state directory .*\n {2}hint: /m);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'close'), [0, null]);
  });
});

describe('squall sentinel', () => {
  it('--once ends what is past its deadline, and itself', async () => {
    site.write(
      'freeze.json',
      experiment('freeze', target, [{ type: 'container-pause' }], { duration: '3s' }),
    );
    const daemon = await site.start({ sentinel: false });
    await until('the pause', isPaused);
    await daemon.kill();
    await until('the deadline to pass', async () => {
      const run = site.run('freeze');
      return run && Date.now() > run.deadline.wall + 600;
    });
    assert.equal(await isPaused(), true);
    assert.equal((await say('sentinel', '--once', '--log-level', 'silent')).code, 0);
    assert.equal(await isPaused(), false);
  });
});
