import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Effect, ExperimentRecord, Phase, Run } from '../../src/core/types.ts';
import type { DaemonOptions } from '../../src/daemon/options.ts';
import { type StatePaths, statePaths } from '../../src/daemon/paths.ts';
import { type Journal, openJournal } from '../../src/journal/journal.ts';
import type { Step } from '../../src/reconcile/steps.ts';
import { until } from './until.ts';

const ENTRY = fileURLToPath(new URL('./daemon-entry.ts', import.meta.url));

/** A place for one daemon: manifests, state, and the processes that belong to them. */
export interface Site {
  dir: string;
  manifests: string;
  paths: StatePaths;
  /** Writes a manifest file (by rename, as editors do); an object becomes JSON, which is YAML. */
  write(file: string, content: string | object): void;
  remove(file: string): void;
  start(options?: StartOptions): Promise<Daemon>;
  /** A read-only view of the journal, also with the daemon dead. */
  read<T>(use: (journal: Journal) => T): T;
  experiment(name: string): ExperimentRecord | undefined;
  /** Waits until the experiment has the phase. */
  phase(name: string, phase: Phase, timeoutMs?: number): Promise<ExperimentRecord>;
  run(name: string): Run | undefined;
  effects(name: string): Effect[];
  /** Ends everything that was started here, the sentinel too, and removes the directory. */
  close(): Promise<void>;
}

export interface StartOptions {
  crashAt?: Step;
  sentinel?: boolean;
  resync?: number;
  /** Default: wait until /readyz says so. */
  wait?: boolean;
  env?: NodeJS.ProcessEnv;
  instance?: string;
  dockerHost?: string;
  /** Any other option of the daemon. */
  more?: Partial<DaemonOptions>;
}

export interface Daemon {
  pid: number;
  /** What it has logged so far. */
  log(): string;
  /** SIGKILL, and wait. */
  kill(): Promise<void>;
  /** SIGTERM, and wait. */
  stop(): Promise<void>;
  /** Resolves when the process has ended, with its exit code or signal. */
  ended: Promise<number | NodeJS.Signals>;
  api(method: 'GET' | 'POST', path: string): Promise<{ status: number; body: string }>;
}

/** Makes a site in a temporary directory. `name` becomes the daemon's instance name, so that many can run on one engine. */
export function openSite(name: string): Site {
  const dir = mkdtempSync(join(tmpdir(), `squall-${name}-`));
  const manifests = join(dir, 'manifests');
  mkdirSync(manifests);
  const paths = statePaths(join(dir, 'state'));
  const daemons: Daemon[] = [];

  function read<T>(use: (journal: Journal) => T): T {
    const journal = openJournal(paths.journal, { readOnly: true });
    try {
      return use(journal);
    } finally {
      journal.close();
    }
  }
  const experiment = (of: string) => read((journal) => journal.experiments.get(of));
  const run = (of: string) => read((journal) => journal.runs.list({ experiment: of, limit: 1 })[0]);

  return {
    dir,
    manifests,
    paths,
    write: (file, content) => {
      const text = typeof content === 'string' ? content : JSON.stringify(content, null, 2);
      const draft = join(dir, `draft-${process.hrtime.bigint()}`);
      writeFileSync(draft, text);
      renameSync(draft, join(manifests, file));
    },
    remove: (file) => rmSync(join(manifests, file), { force: true }),
    start: async (options = {}) => {
      const daemon = await startDaemon({ dir, manifests, paths, name }, options);
      daemons.push(daemon);
      return daemon;
    },
    read,
    experiment,
    phase: (of, phase, timeoutMs = 15_000) =>
      until(
        `${of} to be ${phase} (is ${safely(() => experiment(of)?.phase)}: ${safely(() => experiment(of)?.message)})`,
        () => {
          const record = experiment(of);
          return record?.phase === phase && record;
        },
        timeoutMs,
      ),
    run,
    effects: (of) =>
      read((journal) => journal.effects.ofRun(journal.runs.list({ experiment: of, limit: 1 })[0]?.id ?? '')),
    close: async () => {
      for (const daemon of daemons) await daemon.kill();
      await endSentinel(dir);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function safely<T>(get: () => T): T | string {
  try {
    return get();
  } catch (error) {
    return String(error);
  }
}

interface Place {
  dir: string;
  manifests: string;
  paths: StatePaths;
  name: string;
}

async function startDaemon({ dir, manifests, paths, name }: Place, options: StartOptions): Promise<Daemon> {
  const given = {
    manifests: [manifests],
    state: paths.dir,
    dockerHost: options.dockerHost,
    resync: options.resync ?? 30_000,
    logLevel: 'debug',
    instance: options.instance ?? `${name}-${dir.slice(-6)}`,
    sentinel: options.sentinel ?? true,
    ...options.more,
  };
  const env = {
    ...process.env,
    ...options.env,
    ...(options.crashAt && { SQUALL_TEST_CRASH_AT: options.crashAt }),
  };
  const child = spawn(process.execPath, [ENTRY, JSON.stringify(given)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (log += chunk));
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  const daemon: Daemon = {
    pid: child.pid ?? 0,
    log: () => log,
    kill: () => end(child, 'SIGKILL', ended),
    stop: () => end(child, 'SIGTERM', ended),
    ended,
    api: (method, path) => call(paths.socket, method, path),
  };
  if (options.wait === false) return daemon;
  const died = ended.then((how) => Promise.reject(new Error(`the daemon ended with ${how}:\n${log}`)));
  died.catch(() => {});
  const ready = until(
    'the daemon to be ready',
    async () => (await daemon.api('GET', '/readyz')).status === 200,
    45_000, // a kernel of its own is some ten times slower
  );
  await Promise.race([ready, died]);
  return daemon;
}

async function end(child: ChildProcess, signal: NodeJS.Signals, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
  await ended;
}

function call(socketPath: string, method: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** The sentinel's pids of this site: processes that name its state directory on their command line. */
export function sentinelPids(dir: string): number[] {
  const found: number[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const command = safely(() => readFileSync(`/proc/${entry}/cmdline`, 'utf8'));
    if (command.includes('sentinel-entry') && command.includes(dir)) found.push(Number(entry));
  }
  return found;
}

/** Ends the site's sentinel by SIGKILL and waits until it is gone. */
export async function endSentinel(dir: string): Promise<void> {
  await until('the sentinel to end', () => {
    const pids = sentinelPids(dir);
    for (const pid of pids) safely(() => process.kill(pid, 'SIGKILL'));
    return pids.length === 0;
  });
}
