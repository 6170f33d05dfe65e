import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, SquallError } from '../core/errors.ts';
import { type Exec, type ExecOptions, type ExecResult, exec } from './exec.ts';

/** One line to the child. */
export interface SpawnRequest {
  id: number;
  program: string;
  args: readonly string[];
  options: ExecOptions;
}

/** One line back. */
export interface SpawnReply {
  id: number;
  result?: ExecResult;
  error?: { code: ErrorCode; message: string; hint?: string; terminal: boolean };
}

/** Runs programs through a small process of its own. */
export interface Spawner {
  exec: Exec;
  close(): void;
}

interface Waiting {
  resolve: (result: ExecResult) => void;
  reject: (error: SquallError) => void;
}

const CHILD = fileURLToPath(new URL(`./spawner-child${extname(import.meta.url)}`, import.meta.url));

/**
 * Starts the small process. Node forks itself for every program it runs, which takes the longer the more memory it holds, and holds up
 * everything else meanwhile: a daemon of 100 MB spends 8 to 12 ms there, a process that does nothing else a third of that. Where it is
 * not (or no more) there, programs are run directly.
 */
export function startSpawner(): Spawner {
  const waiting = new Map<number, Waiting>();
  const child = spawn(process.execPath, [CHILD], { stdio: ['pipe', 'pipe', 'inherit'] });
  let open = true;
  let ids = 0;
  const end = () => {
    open = false;
    for (const { reject } of waiting.values()) {
      reject(new SquallError('SQ303', 'the process that runs programs has ended', { terminal: false }));
    }
    waiting.clear();
  };
  child.on('error', end);
  child.on('exit', end);
  child.stdin.on('error', () => {}); // `exit` tells
  followReplies(child, waiting);
  return {
    exec: (program, args, options = {}) => {
      if (!open) return exec(program, args, options);
      const id = ++ids;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        const request: SpawnRequest = { id, program, args, options };
        child.stdin.write(`${JSON.stringify(request)}\n`);
      });
    },
    close: () => child.stdin.end(),
  };
}

function followReplies(
  child: ChildProcessByStdio<Writable, Readable, null>,
  waiting: Map<number, Waiting>,
): void {
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id, result, error } = JSON.parse(line) as SpawnReply;
    const asked = waiting.get(id);
    waiting.delete(id);
    if (result) asked?.resolve(result);
    else if (error) asked?.reject(new SquallError(error.code, error.message, error));
  });
}
