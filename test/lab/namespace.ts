import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readlinkSync, rmdirSync, writeFileSync } from 'node:fs';
import type { Attachment, Container } from '../../src/core/types.ts';
import { exec } from '../../src/runtime/exec.ts';
import { until } from './until.ts';

/** A process in a network namespace and a control group of its own, as a container's init is. */
export interface Namespace {
  /** 64 hex digits, as of a container: the name of its control group. */
  id: string;
  pid: number;
  /** Runs a program in the namespace (with this machine's files) and gives its output; throws where it fails. */
  run(program: string, args: readonly string[], stdin?: string): Promise<string>;
  close(): Promise<void>;
}

/** For a kernel without an engine. Needs root and cgroup v2. */
export async function openNamespace(): Promise<Namespace> {
  const id = randomBytes(32).toString('hex');
  const group = `/sys/fs/cgroup/${id}`;
  mkdirSync(group);
  const child = spawn('unshare', ['--net', '--', 'sleep', '1000000'], { stdio: 'ignore' });
  child.unref(); // a test that fails before it closes this still ends
  const pid = child.pid ?? 0;
  writeFileSync(`${group}/cgroup.procs`, String(pid));
  await until('it to be in a namespace of its own', () => namespaceOf(pid) !== namespaceOf('self'));
  return {
    id,
    pid,
    run: (program, args, stdin) => run('nsenter', ['-t', String(pid), '-n', '--', program, ...args], stdin),
    close: () => end(child, group),
  };
}

function namespaceOf(pid: number | 'self'): string {
  return readlinkSync(`/proc/${pid}/ns/net`);
}

async function run(program: string, args: readonly string[], stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await exec(program, args, stdin === undefined ? {} : { stdin });
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

async function end(child: ChildProcess, group: string): Promise<void> {
  child.kill('SIGKILL');
  await until('it to have ended', () => child.signalCode !== null || child.exitCode !== null);
  await until('its group to be empty', () => {
    rmdirSync(group);
    return true;
  });
}

/** What an engine would say of a container whose init is the namespace's process. */
export function asContainer(
  { id, pid }: Pick<Namespace, 'id' | 'pid'>,
  name: string,
  attachments: Attachment[],
  labels: Record<string, string> = {},
): Container {
  return {
    id,
    name,
    image: 'none',
    labels: { 'squall.enabled': 'true', ...labels },
    state: 'running',
    health: 'none',
    pid,
    startedAt: '2026-01-01T00:00:00Z',
    attachments,
    networkMode: attachments[0]?.network ?? 'none',
    autoRemove: false,
    restartPolicy: 'no',
    resolvConfPath: '',
    hostsPath: '',
  };
}
