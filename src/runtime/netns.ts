import { closeSync, fstatSync, openSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { SquallError } from '../core/errors.ts';
import type { Container } from '../core/types.ts';
import { type Exec, type ExecResult, exec as execHere } from './exec.ts';

/** Entry into containers' network namespaces, by an open descriptor that was checked twice. */
export interface NetnsPort {
  /**
   * Opens the namespace of the container's init, checks that it is still that container's, calls `use`, closes it.
   * Throws SQ307 where the container is not running, SQ302 where the namespace is the host's, Squall's own or changed hands
   * (`cause.reason` says which: a NetnsRefusal).
   */
  enter<T>(container: Pick<Container, 'id' | 'name' | 'pid'>, use: (ns: Netns) => Promise<T>): Promise<T>;
}

export interface Netns {
  /** The namespace's inode: its identity while it lives (namespaces(7)). */
  inode: number;
  /** Runs a program with its arguments inside the namespace (the host's file system, the target's network). */
  run(program: string, args: readonly string[], stdin?: string): Promise<ExecResult>;
  /**
   * Reads /proc/PID/net/`file` of the container's init, such as `if_inet6`: it only looks and loads no kernel module.
   * Empty where the kernel has no such file. Throws SQ307 or SQ302 where the process is no longer the container's.
   */
  procNet(file: string): Promise<string>;
}

/** `reused`: the process is not the container's (any more). `host`, `own`: entering would hit the host or Squall itself. */
export type NetnsRefusal = 'reused' | 'host' | 'own';

/** The reason of an SQ302 that `enter` threw; undefined for every other error. */
export function netnsRefusal(error: unknown): NetnsRefusal | undefined {
  if (!(error instanceof SquallError) || error.code !== 'SQ302') return undefined;
  return (error.cause as { reason?: NetnsRefusal } | undefined)?.reason;
}

type Subject = Pick<Container, 'id' | 'name' | 'pid'>;

/** A process as told from others that had its pid: when it started and where it belongs. */
interface Identity {
  /** Clock ticks since boot (proc(5), stat field 22). */
  startTime: string;
  cgroup: string;
}

/** `proc`: the root of the process file system, another folder in tests. `exec`: how programs are run, a spawner's in the daemon. */
export function createNetns(options: { proc?: string; exec?: Exec } = {}): NetnsPort {
  const { proc = '/proc', exec = execHere } = options;
  return {
    async enter(container, use) {
      const fd = await openChecked(proc, container);
      let open = true;
      try {
        const inode = fstatSync(fd).ino;
        return await use({
          inode,
          run: async (program, args, stdin) => {
            // The number may be another namespace's by then.
            if (!open) throw new TypeError('the namespace was left');
            // Our own descriptor, by whoever runs it: it stays open, and this namespace's, until `use` is done.
            const entry = `--net=/proc/${process.pid}/fd/${fd}`;
            return exec('nsenter', [entry, '--', program, ...args], stdin === undefined ? {} : { stdin });
          },
          procNet: (file) => procNet(proc, container, inode, file),
        });
      } finally {
        open = false;
        closeSync(fd);
      }
    },
  };
}

/** A pid can pass to another process between the engine's answer and ours: the checks stand on both sides of the open. */
async function openChecked(proc: string, container: Subject): Promise<number> {
  if (container.pid <= 0) throw gone(container);
  const before = await identify(proc, container);
  const fd = openNamespace(proc, container);
  try {
    const after = await identify(proc, container);
    const inode = fstatSync(fd).ino;
    const path = await inodeOf(`${proc}/${container.pid}/ns/net`);
    if (path === undefined) throw gone(container);
    if (after.startTime !== before.startTime || after.cgroup !== before.cgroup || path !== inode) {
      throw refused(container, 'reused', `pid ${container.pid} was reused while it was looked at`);
    }
    await refuseForeign(proc, container, inode);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

async function refuseForeign(proc: string, container: Subject, inode: number): Promise<void> {
  if (inode === (await inodeOf(`${proc}/1/ns/net`))) {
    throw refused(container, 'host', 'it uses the network namespace of the host');
  }
  if (inode === (await inodeOf(`${proc}/self/ns/net`))) {
    throw refused(container, 'own', 'it uses the network namespace that Squall runs in');
  }
}

/** Throws SQ307 where the process is gone, SQ302 where it belongs to something else than the container. */
async function identify(proc: string, container: Subject): Promise<Identity> {
  try {
    const [status, cgroup] = await Promise.all([
      readFile(`${proc}/${container.pid}/stat`, 'utf8'),
      readFile(`${proc}/${container.pid}/cgroup`, 'utf8'),
    ]);
    if (!cgroupIds(cgroup).has(container.id)) {
      throw refused(
        container,
        'reused',
        `pid ${container.pid} was reused: it is no process of the container`,
      );
    }
    return { startTime: startTime(status), cgroup };
  } catch (error) {
    throw isGone(error) ? gone(container) : error;
  }
}

/**
 * The innermost container of each line of /proc/PID/cgroup (cgroups(7)): `/docker/ID`, `/system.slice/docker-ID.scope`,
 * `/../ID`. Innermost, because an engine inside a container has the outer id in its containers' paths too.
 */
function cgroupIds(cgroup: string): Set<string> {
  const ids = cgroup.split('\n').map((line) => line.match(/[0-9a-f]{64}/g)?.at(-1));
  return new Set(ids.filter((id) => id !== undefined));
}

/** Field 22 of proc(5)'s stat. The command in field 2 may hold spaces and brackets: count from the last `)`. */
function startTime(status: string): string {
  return status.slice(status.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function openNamespace(proc: string, container: Subject): number {
  try {
    return openSync(`${proc}/${container.pid}/ns/net`, 'r');
  } catch (error) {
    if (isGone(error)) throw gone(container);
    throw new SquallError('SQ302', `the network namespace of ${container.name} can't be opened`, {
      hint: 'Run the daemon as root with CAP_SYS_ADMIN and CAP_SYS_PTRACE, in the pid namespace of the host',
      cause: error,
    });
  }
}

/** Undefined where the process is gone or may not be looked at. */
async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino;
  } catch {
    return undefined;
  }
}

async function procNet(proc: string, container: Subject, inode: number, file: string): Promise<string> {
  const text = await readFile(`${proc}/${container.pid}/net/${file}`, 'utf8').catch((error: unknown) => {
    if (isGone(error)) return '';
    throw error;
  });
  // Only now is it known whose file that was.
  await identify(proc, container);
  if ((await inodeOf(`${proc}/${container.pid}/ns/net`)) !== inode) throw gone(container);
  return text;
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function gone(container: Subject): SquallError {
  return new SquallError('SQ307', `${container.name} is not running`);
}

function refused(container: Subject, reason: NetnsRefusal, why: string): SquallError {
  return new SquallError('SQ302', `the network of ${container.name} was not entered: ${why}`, {
    ...(reason === 'reused' ? {} : { hint: 'Squall enters no namespace but that of a container of its own' }),
    cause: { reason },
  });
}
