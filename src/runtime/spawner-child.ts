import { createInterface } from 'node:readline';
import { SquallError } from '../core/errors.ts';
import { exec } from './exec.ts';
import type { SpawnReply, SpawnRequest } from './spawner.ts';

/** Runs programs for the daemon; see spawner.ts. Ends with its stdin: signals are for the daemon, which then closes it. */
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

function answer(reply: SpawnReply): void {
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, program, args, options } = JSON.parse(line) as SpawnRequest;
  exec(program, args, options).then(
    (result) => answer({ id, result }),
    (error: unknown) => {
      const { code, message, hint, terminal } =
        error instanceof SquallError ? error : new SquallError('SQ303', String(error));
      answer({ id, error: { code, message, terminal, ...(hint !== undefined && { hint }) } });
    },
  );
});
