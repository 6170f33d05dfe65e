import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import type { Container } from '../../src/core/types.ts';
import { until } from './until.ts';

/** A process in a network namespace and a control group of its own, as a container's init is, with a cable to where we are. */
export interface Cell {
  container: Container;
  /** The cell's address and ours on the cable. */
  address: string;
  ours: string;
  close(): Promise<void>;
}

let count = 0;

/** For a kernel without an engine: what the fault code finds of a container, made by hand. Needs root and cgroup v2. */
export async function openCell(): Promise<Cell> {
  const number = ++count;
  const id = randomBytes(32).toString('hex');
  const group = `/sys/fs/cgroup/${id}`;
  mkdirSync(group);
  const child = spawn('unshare', ['--net', '--', 'sleep', '1000000'], { stdio: 'ignore' });
  const pid = child.pid ?? 0;
  writeFileSync(`${group}/cgroup.procs`, String(pid));
  await until('it to be in a namespace of its own', () => isApart(pid));
  const [ours, address] = [`10.99.${number}.1`, `10.99.${number}.2`];
  run('ip', ['link', 'add', `cell${number}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid)]);
  run('ip', ['addr', 'add', `${ours}/24`, 'dev', `cell${number}`]);
  run('ip', ['link', 'set', `cell${number}`, 'up']);
  for (const args of [
    ['addr', 'add', `${address}/24`, 'dev', 'eth0'],
    ['link', 'set', 'eth0', 'up'],
    ['link', 'set', 'lo', 'up'],
  ])
    run('nsenter', ['-t', String(pid), '-n', 'ip', ...args]);
  return {
    container: asContainer(id, `cell-${number}`, pid, address),
    address,
    ours,
    close: () => end(child, group),
  };
}

function isApart(pid: number): boolean {
  const namespace = (of: string) =>
    spawnSync('readlink', [`/proc/${of}/ns/net`], { encoding: 'utf8' }).stdout;
  return namespace(String(pid)) !== namespace('self');
}

function run(program: string, args: readonly string[], must = true): boolean {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0 && must) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return status === 0;
}

async function end(child: ChildProcess, group: string): Promise<void> {
  child.kill('SIGKILL');
  await until('it to have ended', () => child.signalCode !== null || child.exitCode !== null);
  await until('its group to be empty', () => {
    rmdirSync(group);
    return true;
  });
}

/** One ping into (`from` undefined) or out of a cell; true where it is answered within a second. */
export function pings(to: string, from?: Container): boolean {
  const ping = ['ping', '-c', '1', '-W', '1', to];
  if (!from) return run('busybox', ping, false);
  return run('nsenter', ['-t', String(from.pid), '-n', 'busybox', ...ping], false);
}

function asContainer(id: string, name: string, pid: number, ip4: string): Container {
  return {
    id,
    name,
    image: 'none',
    labels: { 'squall.enabled': 'true' },
    state: 'running',
    health: 'none',
    pid,
    startedAt: '2026-01-01T00:00:00Z',
    attachments: [{ network: 'cell', ip4, aliases: [] }],
    networkMode: 'cell',
    autoRemove: false,
    restartPolicy: 'no',
    resolvConfPath: '',
    hostsPath: '',
  };
}
