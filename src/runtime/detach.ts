import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

export interface DetachOptions {
  /** Standard output and error are appended here. */
  logFile: string;
  onExit: () => void;
}

/** Starts a program in a session of its own (setsid(2)), so that it outlives this process and its terminal. Returns its pid. */
export function startDetached(
  program: string,
  args: readonly string[],
  { logFile, onExit }: DetachOptions,
): number | undefined {
  const log = openSync(logFile, 'a', 0o600);
  try {
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log] });
    child.on('error', onExit);
    child.on('exit', onExit);
    child.unref();
    return child.pid;
  } finally {
    closeSync(log);
  }
}
