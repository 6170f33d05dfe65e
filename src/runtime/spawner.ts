import { spawn } from 'node:child_process';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../core/clock.ts';
import { type ErrorCode, SquallError } from '../core/errors.ts';
import { EXEC_LIMIT, type Exec, type ExecOptions, type ExecResult, exec, KILL_LIMIT } from './exec.ts';

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
  /** Stops its clock. */
  cancel: () => void;
}

/** ms beyond the program's own limits until the child itself is taken for hung. */
const SLACK = 3000;

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
    for (const { reject, cancel } of waiting.values()) {
      cancel();
      reject(new SquallError('SQ303', 'the process that runs programs has ended', { terminal: false }));
    }
    waiting.clear();
  };
  child.on('error', end);
  child.on('exit', end);
  child.stdin.on('error', () => {}); // `exit` tells
  followReplies(child.stdout, waiting);
  return {
    exec: (program, args, options = {}) => {
      if (!open) return exec(program, args, options);
      const id = ++ids;
      return new Promise((resolve, reject) => {
        const limit = (options.timeout ?? EXEC_LIMIT) + KILL_LIMIT + SLACK;
        // An answer that is there already, unread, counts: this process may have been the one that stood still.
        const cancel = systemClock.after(limit, () =>
          setImmediate(() => waiting.has(id) && child.kill('SIGKILL')),
        );
        waiting.set(id, { resolve, reject, cancel });
        const request: SpawnRequest = { id, program, args, options };
        child.stdin.write(`${JSON.stringify(request)}\n`);
      });
    },
    close: () => child.stdin.end(),
  };
}

/** Hands each answer in `output` to who waits for it. */
export function followReplies(output: Readable, waiting: Map<number, Waiting>): void {
  createInterface({ input: output }).on('line', (line) => {
    const reply = parseReply(line);
    if (!reply) return;
    const { id, result, error } = reply;
    const asked = waiting.get(id);
    waiting.delete(id);
    asked?.cancel();
    if (result) asked?.resolve(result);
    else if (error) asked?.reject(new SquallError(error.code, error.message, error));
  });
}

/** Undefined where the child was killed in the middle of a line: its exit tells. */
function parseReply(line: string): SpawnReply | undefined {
  try {
    return JSON.parse(line) as SpawnReply;
  } catch {
    return undefined;
  }
}
