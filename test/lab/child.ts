import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { LabContainer } from './container.ts';

/** Where such a process can be started: a container of the lab, a cell of a wire. */
export type Inside = Pick<LabContainer, 'pid' | 'onClose'>;

/** A node process inside a container's network namespace (the host's files, the container's network). */
export interface Child<M> {
  onMessage(listener: (message: M) => void): void;
  /** The next message that `pick` accepts; rejects where the process ends first. */
  next(pick: (message: M) => boolean): Promise<M>;
  write(line: string): void;
  /** Closes its stdin, on which it ends, and waits for that. */
  close(): Promise<void>;
}

/** Starts `script` (a file of this folder) in the container's network namespace with `options` as JSON. */
export async function startChild<M>(container: Inside, script: string, options: object): Promise<Child<M>> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const args = ['-t', String(await container.pid()), '-n', process.execPath, path, JSON.stringify(options)];
  const child = spawn('nsenter', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const handle = wrap<M>(child, script);
  container.onClose(handle.close);
  return handle;
}

function wrap<M>(child: ChildProcess, script: string): Child<M> {
  const listeners = new Set<(message: M) => void>();
  const failures = new Set<(error: Error) => void>();
  let errors = '';
  let ended: Error | undefined;
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk;
  });
  child.stdin?.on('error', () => {}); // it may have ended already: `ended` tells
  const fail = (error: Error) => {
    ended ??= error;
    for (const reject of failures) reject(ended);
  };
  child.on('error', fail);
  const closed = once(child, 'close').then(
    ([code]) => fail(new Error(`${script} ended (${code}): ${errors}`)),
    fail,
  );
  if (child.stdout)
    createInterface({ input: child.stdout }).on('line', (line) => {
      const message = JSON.parse(line) as M;
      for (const listener of listeners) listener(message);
    });

  return {
    onMessage: (listener) => void listeners.add(listener),
    write: (line) => void child.stdin?.write(`${line}\n`),
    next: (pick) =>
      new Promise((resolve, reject) => {
        if (ended) return reject(ended);
        const done = () => {
          listeners.delete(listener);
          failures.delete(failed);
        };
        const listener = (message: M) => {
          if (!pick(message)) return;
          done();
          resolve(message);
        };
        const failed = (error: Error) => {
          done();
          reject(error);
        };
        listeners.add(listener);
        failures.add(failed);
      }),
    close: async () => {
      child.stdin?.end();
      await closed;
    },
  };
}
