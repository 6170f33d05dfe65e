/**
 * Loaded before the daemon (node --import): writes down when a file event comes, a manifest is read, a program starts and ends, and a
 * transaction is committed. It wraps Node's own functions, so that the daemon carries nothing for it.
 */
import childProcess, { type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { now } from '../test/lab/child-io.ts';

type Any = (...args: unknown[]) => unknown;

const file = process.env.SQUALL_BENCH_TRACE;

function mark(what: string): void {
  fs.writeSync(out, `${JSON.stringify({ pid: process.pid, at: now(), what })}\n`);
}

function wrap(owner: object, name: string, around: (original: Any) => Any): void {
  const original = Reflect.get(owner, name) as Any;
  Reflect.set(owner, name, around(original));
}

const out = file && !process.argv[1]?.includes('sentinel') ? fs.openSync(file, 'a') : -1;
if (out >= 0) {
  wrap(childProcess, 'spawn', (spawn) => (...args) => {
    const [, words = []] = args as [string, string[]?];
    const name = basename(words.find((word) => word.includes('tables')) ?? String(args[0]));
    mark(`${name} starts`);
    const child = spawn(...args) as ChildProcess;
    child.once('close', () => mark(`${name} ends`));
    return child;
  });
  wrap(fs, 'watch', (watch) => (...args) => {
    const listener = args.at(-1) as Any;
    return watch(...args.slice(0, -1), (...event: unknown[]) => {
      mark('file event');
      return listener(...event);
    });
  });
  wrap(promises, 'open', (open) => (...args) => {
    mark('file read');
    return open(...args);
  });
  wrap(
    DatabaseSync.prototype,
    'exec',
    (exec) =>
      function (this: DatabaseSync, ...args: unknown[]) {
        const result = exec.apply(this, args);
        if (args[0] === 'COMMIT') mark('journal committed');
        return result;
      },
  );
  syncBuiltinESMExports();
}
