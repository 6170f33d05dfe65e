import { spawn } from 'node:child_process';
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
  const timeout = options.timeout ?? 10_000;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, PATH: searchPath().join(':'), LC_ALL: 'C' },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout,
      killSignal: 'SIGKILL',
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin?.on('error', () => {}); // a child that exits early closes its end: its exit code tells
    child.stdin?.end(options.stdin ?? '');
    child.on('error', (cause: NodeJS.ErrnoException) => reject(startError(program, cause)));
    child.on('close', (code, signal) => {
      if (code === null) {
        const why = child.killed ? `did not end within ${timeout} ms` : `was ended by ${signal}`;
        reject(new SquallError('SQ303', `${program} ${why}`, { terminal: false }));
        return;
      }
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
  });
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
