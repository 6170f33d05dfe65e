import type { Io } from './io.ts';

/** What the verbs get: where to write, and where to leave the exit code. */
export interface Cli {
  io: Io;
  code: number;
}

/** An action for commander that leaves the verb's exit code in `cli` (0 where it gives none). */
export function action<Args extends unknown[]>(
  cli: Cli,
  run: (io: Io, ...args: Args) => Promise<number | undefined>,
) {
  return async (...args: Args): Promise<void> => {
    cli.code = (await run(cli.io, ...args)) ?? 0;
  };
}
