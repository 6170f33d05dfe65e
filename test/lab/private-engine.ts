import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { until } from './until.ts';

/** A Docker engine of a test's own, which may be stopped and started: nothing else runs on it. Without networks. */
export interface PrivateEngine {
  host: string;
  docker: Docker;
  start(): Promise<void>;
  /** SIGTERM, as a service manager does: its containers end with it. */
  stop(): Promise<void>;
  /** Stops it and removes all that it had. */
  close(): Promise<void>;
}

export async function openPrivateEngine(): Promise<PrivateEngine> {
  const dir = mkdtempSync(join(tmpdir(), 'squall-engine-'));
  const socketPath = join(dir, 'docker.sock');
  const docker = new Docker({ socketPath });
  const log = join(dir, 'log');
  let engine: ChildProcess | undefined;

  async function start(): Promise<void> {
    const args = [
      ...['--data-root', join(dir, 'data'), '--exec-root', join(dir, 'exec'), '--pidfile', join(dir, 'pid')],
      // Where the machine's containerd is shared, its namespaces must not be.
      ...['--containerd-namespace', 'squall-lab', '--containerd-plugins-namespace', 'squall-lab-plugins'],
      ...['--host', `unix://${socketPath}`, '--bridge', 'none', '--iptables=false', '--ip6tables=false'],
    ];
    const file = openSync(log, 'a');
    // In a network of its own: an engine without a bridge removes docker0 where it starts, and that is the machine's.
    engine = spawn('unshare', ['--net', '--', 'dockerd', ...args], { stdio: ['ignore', file, file] });
    const answers = () =>
      docker.ping().then(
        () => true,
        () => false,
      );
    await until('the engine to answer', answers, 30_000, 50).catch((error: unknown) => {
      throw new Error(`${error}: ${readFileSync(log, 'utf8').slice(-2000)}`);
    });
  }

  async function stop(): Promise<void> {
    const running = engine;
    engine = undefined;
    if (!running || running.exitCode !== null) return;
    const ended = once(running, 'exit');
    running.kill('SIGTERM');
    await ended;
  }

  await start();
  return {
    host: `unix://${socketPath}`,
    docker,
    start,
    stop,
    close: async () => {
      if (engine) {
        for (const { Id } of await docker.listContainers({ all: true }))
          await docker.getContainer(Id).remove({ force: true });
      }
      await stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
