import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Phase } from '../../src/core/types.ts';
import { statePaths } from '../../src/daemon/paths.ts';
import { type Journal, openJournal } from '../../src/journal/journal.ts';
import { exec } from '../../src/runtime/exec.ts';
import { endSentinel, sentinelPids } from '../../test/lab/daemon.ts';
import { until } from '../../test/lab/until.ts';
import { openRepositories, type Pushed, push, type Repositories } from './git.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** A clone in which people work, the host's checkout that a push updates, and the daemon that watches it. */
export interface Stage {
  /** Commits the file as it is given (undefined: without it) and pushes. */
  push(file: string, text: string | undefined, message: string): Promise<Pushed>;
  /** Starts `squall daemon`; resolves with the ms until it was ready. */
  start(): Promise<number>;
  /** SIGKILL for the daemon and its sentinel; resolves with their pids once they are gone. */
  kill(): Promise<number[]>;
  /** What `squall` prints for these arguments. Rejects where it fails. */
  squall(...args: string[]): Promise<string>;
  /** Deadline of the experiment's newest run, wall clock in ms. */
  deadline(experiment: string): number;
  /** Waits until the experiment has the phase. */
  phase(experiment: string, phase: Phase): Promise<void>;
  /** Ends what runs and removes all files. Nothing starts afterwards. */
  close(): Promise<void>;
}

/** Makes the two repositories in a temporary directory. */
export async function openStage(): Promise<Stage> {
  const dir = mkdtempSync(join(tmpdir(), 'squall-demo-'));
  const repositories: Repositories = { host: join(dir, 'checkout'), work: join(dir, 'work') };
  const state = join(dir, 'state');
  let daemon: Daemon | undefined;
  let open = true;

  function read<T>(use: (journal: Journal) => T): T {
    const journal = openJournal(statePaths(state).journal, { readOnly: true });
    try {
      return use(journal);
    } finally {
      journal.close();
    }
  }
  async function kill(): Promise<number[]> {
    const pids = [...(daemon?.pids() ?? []), ...sentinelPids(dir)];
    await daemon?.kill();
    await endSentinel(dir);
    return pids;
  }
  async function close(): Promise<void> {
    open = false;
    await kill();
    rmSync(dir, { recursive: true, force: true });
  }
  const check = () => {
    if (!open) throw new Error('the stage is closed');
  };

  try {
    await openRepositories(repositories);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    push: (file, text, message) => push(repositories, file, text, message),
    start: async () => {
      check();
      const from = performance.now();
      daemon = startDaemon(['--manifests', repositories.host, '--state', state]);
      await daemon.ready();
      return performance.now() - from;
    },
    kill,
    squall: (...args) => squall([...args, '--state', state]),
    deadline: (experiment) =>
      read(({ runs }) => runs.list({ experiment, limit: 1 })[0]?.deadline.wall ?? Number.NaN),
    phase: async (experiment, phase) => {
      await until(`${experiment} to be ${phase}`, () =>
        read(({ experiments }) => experiments.get(experiment)?.phase === phase),
      );
    },
    close,
  };
}

interface Daemon {
  /** Empty once it has ended. */
  pids(): number[];
  ready(): Promise<void>;
  kill(): Promise<void>;
}

function startDaemon(args: string[]): Daemon {
  const child = spawn(process.execPath, [MAIN, 'daemon', '--instance', 'demo', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk));
  return {
    pids: () => (hasEnded(child) || child.pid === undefined ? [] : [child.pid]),
    ready: async () => {
      const answers = until('the daemon to be ready', () => log.includes('"msg":"ready"'));
      const died = exited.then(() => Promise.reject(new Error(`the daemon did not start:\n${log}`)));
      died.catch(() => {}); // it is killed later on
      await Promise.race([answers, died]);
    },
    kill: async () => {
      if (!hasEnded(child)) child.kill('SIGKILL');
      await exited;
    },
  };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function squall(args: string[]): Promise<string> {
  const { code, stdout, stderr } = await exec(process.execPath, [MAIN, ...args]);
  if (code !== 0) throw new Error(`squall ${args.join(' ')} failed (${code}): ${stderr}`);
  return stdout;
}
