import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exec } from '../../src/runtime/exec.ts';
import { endSentinel, sentinelPids } from '../../test/lab/daemon.ts';
import { until } from '../../test/lab/until.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Git as nobody in particular: no settings of this machine, no identity but the demo's. */
const GIT = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Squall demo',
  GIT_AUTHOR_EMAIL: 'squall@localhost',
  GIT_COMMITTER_NAME: 'Squall demo',
  GIT_COMMITTER_EMAIL: 'squall@localhost',
};

/** A clone in which people work, the host's checkout that a push updates, and the daemon that watches it. */
export interface Stage {
  /** Commits the file as it is given (undefined: without it) and pushes. Wall clock, ms. */
  push(file: string, text: string | undefined, message: string): Promise<{ at: number; writtenAt: number }>;
  /** Starts `squall daemon`; resolves with the ms until it was ready. */
  start(): Promise<number>;
  /** SIGKILL for the daemon and its sentinel; the pids that were killed. */
  kill(): Promise<number[]>;
  /** `squall` with these arguments and the stage's state directory. Throws where it fails. */
  squall(...args: string[]): Promise<string>;
  /** Ends what runs and removes all files. */
  close(): Promise<void>;
}

/** Makes the two repositories in a temporary directory. */
export async function openStage(): Promise<Stage> {
  for (const name of Object.keys(process.env)) if (name.startsWith('GIT_')) delete process.env[name];
  Object.assign(process.env, GIT);
  const dir = mkdtempSync(join(tmpdir(), 'squall-demo-'));
  const [host, work, state, log] = ['host', 'work', 'state', 'daemon.log'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
    string,
  ];
  let daemon: ChildProcess | undefined;

  async function kill(): Promise<number[]> {
    const pids = [...(daemon?.pid && daemon.exitCode === null ? [daemon.pid] : []), ...sentinelPids(dir)];
    if (daemon && daemon.exitCode === null && daemon.signalCode === null) {
      const ended = once(daemon, 'exit');
      daemon.kill('SIGKILL');
      await ended;
    }
    daemon = undefined;
    await endSentinel(dir);
    return pids;
  }

  async function close(): Promise<void> {
    await kill();
    rmSync(dir, { recursive: true, force: true });
  }

  try {
    await openRepositories(host, work);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    push: (file, text, message) => push({ host, work }, file, text, message),
    start: async () => {
      const from = performance.now();
      daemon = startDaemon(host, state, log);
      await ready(daemon, log);
      return performance.now() - from;
    },
    kill,
    squall: (...args) => run(process.execPath, [MAIN, ...args, '--state', state]),
    close,
  };
}

async function openRepositories(host: string, work: string): Promise<void> {
  await run('git', ['init', '--quiet', '--initial-branch=main', host]);
  // A push to the checked-out branch updates the files (git-config(1), receive.denyCurrentBranch).
  await git(host, 'config', 'receive.denyCurrentBranch', 'updateInstead');
  writeFileSync(join(host, 'README.md'), 'Chaos for the shop. What is here is wanted.\n');
  await git(host, 'add', '.');
  await git(host, 'commit', '--quiet', '--message', 'Start');
  await run('git', ['clone', '--quiet', host, work]);
}

async function push(
  { host, work }: { host: string; work: string },
  file: string,
  text: string | undefined,
  message: string,
): Promise<{ at: number; writtenAt: number }> {
  if (text === undefined) await git(work, 'rm', '--quiet', file);
  else writeFileSync(join(work, file), text);
  await git(work, 'add', '--all');
  const at = Date.now();
  await git(work, 'commit', '--quiet', '--message', message);
  await git(work, 'push', '--quiet');
  // The kernel's own word on when Git wrote or removed it.
  const { mtimeMs } = statSync(text === undefined ? host : join(host, file));
  return { at, writtenAt: mtimeMs };
}

function startDaemon(manifests: string, state: string, log: string): ChildProcess {
  writeFileSync(log, '');
  const child = spawn(
    process.execPath,
    [MAIN, 'daemon', '--manifests', manifests, '--state', state, '--instance', 'demo'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  child.stderr?.on('data', (chunk: Buffer) => {
    if (existsSync(log)) writeFileSync(log, chunk, { flag: 'a' });
  });
  return child;
}

async function ready(daemon: ChildProcess, log: string): Promise<void> {
  await until('the daemon to be ready', () => {
    const text = readFileSync(log, 'utf8');
    if (text.includes('"msg":"ready"')) return true;
    return daemon.exitCode !== null && Promise.reject(new Error(text));
  });
}

function git(dir: string, ...args: string[]): Promise<string> {
  return run('git', ['-C', dir, ...args]);
}

async function run(program: string, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await exec(program, args, { timeout: 20_000 });
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} failed (${code}): ${stderr || stdout}`);
  return stdout;
}
