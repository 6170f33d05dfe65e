import type { CommanderError } from 'commander';
import { SquallError } from '../core/errors.ts';
import { clean } from '../report/clean.ts';

/** `error SQ503: message` with its hint below, for stderr. */
export function formatError(error: unknown): string {
  if (error instanceof SquallError) {
    const hint = error.hint === undefined ? '' : `\n  hint: ${clean(error.hint)}`;
    return `error ${error.code}: ${clean(error.message)}${hint}\n`;
  }
  return `error: ${clean(error instanceof Error ? error.message : String(error))}\n`;
}

export function exitCodeOf(error: unknown): number {
  return error instanceof SquallError ? error.exit : 1;
}

/** A commander error in this program's words; undefined where nothing is wrong (`--help`, `--version`). */
export function usageError(error: CommanderError): SquallError | undefined {
  if (error.exitCode === 0 || error.code === 'commander.help') return undefined;
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const hint =
    suggestion?.replace(/^\((.*)\)$/, '$1') ?? 'squall help lists the verbs, squall help VERB its options';
  return new SquallError('SQ501', message, { hint });
}
