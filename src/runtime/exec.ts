import { spawn } from 'node:child_process';
import { systemClock } from '../core/clock.ts';
import { SquallError } from '../core/errors.ts';

export interface ExecResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface ExecOptions {
  stdin?: string;
  /** ms; the child is killed after that. Default 10 s. */
  timeout?: number;
}

/** ms. */
export const EXEC_LIMIT = 10_000;
/** ms that a program may take to end once it was killed. */
export const KILL_LIMIT = 2000;

/** How programs are run: `exec`, or a spawner's. */
export type Exec = (program: string, args: readonly string[], options?: ExecOptions) => Promise<ExecResult>;

/** Where administrators' programs live: a service's or a user's PATH often leaves these out. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin'];

/** The folders programs are looked for in: PATH, then the system's own. */
export function searchPath(path: string = process.env.PATH ?? ''): string[] {
  return [...new Set([...path.split(':').filter((folder) => folder.startsWith('/')), ...SYSTEM_FOLDERS])];
}

/**
 * The one way to run a program: an argument list, never a shell, messages in English. Resolves with the exit code; rejects with
 * SQ306 where the program does not exist, SQ303 where it could not start or was killed by a signal or the time limit.
 */
export function exec(
  program: string,
  args: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const { timeout = EXEC_LIMIT } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, PATH: searchPath().join(':'), LC_ALL: 'C' },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout,
      killSignal: 'SIGKILL',
    });
    // One that even SIGKILL does not end (it waits inside the kernel), or whose own child holds the pipes, is not waited for.
    const cancel = systemClock.after(timeout + KILL_LIMIT, () => {
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.unref();
      reject(tooLong(program, timeout));
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin?.on('error', () => {}); // a child that exits early closes its end: its exit code tells
    child.stdin?.end(options.stdin ?? '');
    child.on('error', (cause: NodeJS.ErrnoException) => {
      cancel();
      reject(startError(program, cause));
    });
    child.on('close', (code, signal) => {
      cancel();
      if (code === null) {
        const ended = new SquallError('SQ303', `${program} was ended by ${signal}`, { terminal: false });
        return reject(child.killed ? tooLong(program, timeout) : ended);
      }
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
  });
}

function tooLong(program: string, timeout: number): SquallError {
  return new SquallError('SQ303', `${program} did not end within ${timeout} ms`, { terminal: false });
}

function startError(program: string, cause: NodeJS.ErrnoException): SquallError {
  if (cause.code === 'ENOENT') {
    return new SquallError('SQ306', `${program} is not installed`, {
      hint: 'Install it on the machine the daemon runs on; `squall doctor` names the package',
      cause,
    });
  }
  // Out of processes or descriptors passes; a missing permission does not.
  const terminal = !['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'].includes(cause.code ?? '');
  return new SquallError('SQ303', `${program}: ${cause.message}`, { terminal, cause });
}
