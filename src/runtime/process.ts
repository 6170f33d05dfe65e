import { readFileSync, readlinkSync } from 'node:fs';
import { SquallError } from '../core/errors.ts';
import type { Container } from '../core/types.ts';

/** A container's init as the host sees it, checked to be that container's. */
export interface InitProcess {
  pid: number;
  /** Clock ticks after boot (proc_pid_stat(5), field 22): with the pid it names one process. */
  startTime: number;
  /** True where the process may do something of its own on this signal: it catches it, or takes it with sigwait or signalfd. */
  handles(signal: number): boolean;
}

type Target = Pick<Container, 'id' | 'name' | 'pid'>;

/** Inode of the first pid namespace (PROC_PID_INIT_INO, include/linux/proc_ns.h). */
const HOST_PID_NAMESPACE = 'pid:[4026531836]';

/**
 * Finds the container's init. Throws SQ307 (not terminal) where the pid is not its init any more, SQ306 where this process does not see
 * the host's processes.
 */
export function findInit(target: Target, proc = '/proc'): InitProcess {
  if (!isOurs(proc)) throw blind(target);
  const before = readInit(target, proc);
  const cgroups = read(`${proc}/${target.pid}/cgroup`);
  const after = readInit(target, proc);
  if (!before || !after || before.startTime !== after.startTime || !cgroups?.includes(target.id)) {
    throw link(`${proc}/self/ns/pid`) === HOST_PID_NAMESPACE ? ended(target) : blind(target);
  }
  return after;
}

/**
 * Signals the container's init from outside of it. The engine takes it for an end of its own, so that restart policies act. False where
 * the process ended meanwhile. Throws as `findInit` does, and SQ306 where this process may not signal it.
 */
export function signalInit(target: Target, signal: number, proc = '/proc'): boolean {
  const init = findInit(target, proc);
  try {
    return process.kill(init.pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH') return false;
    throw new SquallError('SQ306', `${target.name}: its init cannot be signalled: ${code}`, {
      hint: 'Run Squall as root, or use `via: engine`',
      cause: error,
    });
  }
}

function readInit(target: Target, proc: string): InitProcess | undefined {
  if (target.pid <= 1 || target.pid === process.pid || target.pid === process.ppid) return undefined;
  const stat = read(`${proc}/${target.pid}/stat`);
  const status = read(`${proc}/${target.pid}/status`);
  if (!stat || !status) return undefined;
  // the name (field 2) stands in brackets and may hold anything; field 3 follows the last bracket
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  const caught = mask(status, 'SigCgt') | mask(status, 'SigBlk');
  return {
    pid: target.pid,
    startTime: Number(fields[19]),
    handles: (signal) => ((caught >> BigInt(signal - 1)) & 1n) === 1n,
  };
}

/** A signal mask of proc_pid_status(5): bit n - 1 stands for signal n. */
function mask(status: string, field: string): bigint {
  const found = new RegExp(`^${field}:\\s*([0-9a-f]+)$`, 'm').exec(status);
  return found ? BigInt(`0x${found[1]}`) : 0n;
}

/** A procfs of another pid namespace (the host's, mounted into a container) shows numbers that mean other processes here. */
function isOurs(proc: string): boolean {
  return link(`${proc}/self`) === `${process.pid}`;
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function ended(target: Target): SquallError {
  return new SquallError('SQ307', `${target.name}: process ${target.pid} is not its init any more`, {
    terminal: false,
  });
}

function blind(target: Target): SquallError {
  return new SquallError(
    'SQ306',
    `${target.name}: its init (process ${target.pid}) is not among the processes seen here`,
    {
      hint: "Run Squall in the host's pid namespace (`pid: host` in compose) on the engine's own host, or use `via: engine`",
    },
  );
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
