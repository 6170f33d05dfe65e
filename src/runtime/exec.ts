import { spawn } from 'node:child_process';
import { SquallError } from '../core/errors.ts';

export interface ExecResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface ExecOptions {
  stdin?: string;
  /** Descriptors handed to the child as 3, 4, ... */
  fds?: number[];
  /** ms; the child is killed after that. Default 10 s. */
  timeout?: number;
}

/**
 * The one way to run a program: an argument list, never a shell. Resolves with the exit code; rejects with SQ306 where the program
 * does not exist, SQ303 where it was killed by a signal or the time limit.
 */
export function exec(
  program: string,
  args: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe', ...(options.fds ?? [])],
      timeout: options.timeout ?? 10_000,
      killSignal: 'SIGKILL',
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin?.on('error', () => {}); // a child that exits early closes its end: its exit code tells
    child.stdin?.end(options.stdin ?? '');
    child.on('error', (cause: NodeJS.ErrnoException) => {
      const missing = cause.code === 'ENOENT';
      reject(
        new SquallError(
          missing ? 'SQ306' : 'SQ303',
          missing ? `${program} is not installed` : `${program}: ${cause.message}`,
          { cause },
        ),
      );
    });
    child.on('close', (code, signal) => {
      if (code === null) {
        reject(new SquallError('SQ303', `${program} was ended by ${signal}`, { terminal: false }));
        return;
      }
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
  });
}
