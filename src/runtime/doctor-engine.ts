import { readlinkSync } from 'node:fs';
import { SquallError } from '../core/errors.ts';
import type { Container } from '../core/types.ts';
import type { DockerEngine, EngineInfo } from './docker.ts';
import { type Check, check } from './doctor-check.ts';
import { findInit } from './process.ts';

/** Reaches the engine, and looks whether it runs where this process does. Never rejects. */
export async function checkEngine(engine: DockerEngine): Promise<Check[]> {
  try {
    const info = await engine.info();
    const containers = await engine.list();
    return [
      check('engine', 'ok', `Docker ${info.version}, API ${info.apiVersion}, at ${engine.host}`),
      checkPlace(engine.host, info),
      checkCgroup(info),
      checkProcesses(containers),
    ];
  } catch (error) {
    return [unreachable(engine, error)];
  }
}

function unreachable({ host }: DockerEngine, error: unknown): Check {
  const hint = error instanceof SquallError ? error.hint : undefined;
  const mend = hint ?? 'Start Docker (20.10 or newer), or name its address with --docker-host';
  return check('engine', 'missing', `${host}: ${(error as Error).message}`, mend);
}

/** Rules go in through the namespaces of processes: they must be this kernel's. */
export function checkPlace(host: string, info: Pick<EngineInfo, 'os' | 'rootless' | 'kernel'>): Check {
  const local = 'Run the daemon as root on the host of the engine';
  if (info.os.includes('Docker Desktop')) {
    return check(
      'engine-place',
      'missing',
      'Docker Desktop: containers live in its own virtual machine',
      local,
    );
  }
  if (info.rootless)
    return check('engine-place', 'missing', 'a rootless engine: its networks are in a user namespace', local);
  if (host.startsWith('unix:')) return check('engine-place', 'ok', `${info.os}, on this host`);
  const loopback = /^[a-z]+:\/\/(localhost|127\.[\d.]+|\[::1\])([:/]|$)/.test(host);
  if (loopback) return check('engine-place', 'ok', `${info.os}, on this host by the look of ${host}`);
  return check('engine-place', 'missing', `a remote engine, ${host}`, local);
}

function checkCgroup({ cgroupVersion, cgroupDriver }: EngineInfo): Check {
  return check('cgroup', 'ok', `version ${cgroupVersion}, driver ${cgroupDriver}`);
}

/** Inode of the first pid namespace (PROC_PID_INIT_INO, include/linux/proc_ns.h). */
const HOST_PIDS = 'pid:[4026531836]';
const MEND_PIDS =
  "Run Squall in the host's pid namespace (`pid: host` in compose), on the host of the engine";

/** Whether the containers' processes are to be seen from here, tried on those that run. */
export function checkProcesses(containers: readonly Container[]): Check {
  const running = containers.filter(({ pid }) => pid > 0);
  if (running.length === 0) {
    const found = 'no container runs to try it on';
    return inHostNamespace() ? check('processes', 'ok', found) : check('processes', 'warn', found, MEND_PIDS);
  }
  let seen = 0;
  for (const container of running) if (isSeen(container)) seen += 1;
  const found = `${seen} of ${running.length} running containers' processes are seen`;
  // one may have ended meanwhile
  return seen > 0 ? check('processes', 'ok', found) : check('processes', 'missing', found, MEND_PIDS);
}

function isSeen(container: Container): boolean {
  try {
    findInit(container);
    return true;
  } catch {
    return false;
  }
}

function inHostNamespace(): boolean {
  try {
    return readlinkSync('/proc/self/ns/pid') === HOST_PIDS;
  } catch {
    return false;
  }
}
