import { SquallError } from '../core/errors.ts';
import { clean } from '../report/clean.ts';
import { formatJson } from '../report/json.ts';
import type { HoldResult } from '../server/control.ts';
import type { Io } from './io.ts';

/** `/api/v1/experiments/NAME/halt`, or `/api/v1/halt` for all. */
export function actPath(act: 'run' | 'halt' | 'suspend' | 'resume', name: string | undefined): string {
  return name === undefined ? `/api/v1/${act}` : `/api/v1/experiments/${encodeURIComponent(name)}/${act}`;
}

/** One name, or --all: the name, or undefined for all. Throws SQ501 for neither (an empty variable of a shell too) and both. */
export function nameOrAll(
  verb: string,
  name: string | undefined,
  all: boolean | undefined,
): string | undefined {
  if (name !== '' && (name === undefined) === (all === true)) return name;
  const message = !name ? `${verb} what?` : `${verb} takes a name or --all, not both`;
  throw new SquallError('SQ501', message, { hint: `squall ${verb} NAME, or squall ${verb} --all` });
}

/** Asks the daemon; where none answers, says so and acts without it. */
export async function withOrWithout(
  io: Io,
  ask: () => Promise<HoldResult>,
  without: () => Promise<HoldResult>,
): Promise<HoldResult> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof SquallError) || error.code !== 'SQ503' || isForbidden(error)) throw error;
    io.err(`${clean(error.message)}: acting without it\n`);
    return without();
  }
}

/** Who may not use the socket may not write the journal beside it either. */
function isForbidden({ cause }: SquallError): boolean {
  return ['EACCES', 'EPERM'].includes((cause as NodeJS.ErrnoException | undefined)?.code ?? '');
}

/** Prints what was held or let go: data to stdout, what is left to stderr. Gives the exit code: 1 where something is left. */
export function reportHold(
  io: Io,
  result: HoldResult,
  words: { done: string; all: boolean },
  output: 'text' | 'json',
): number {
  if (output === 'json') io.out(formatJson(result));
  else {
    if (words.all) io.out(`all chaos ${words.done}\n`);
    for (const name of result.experiments) io.out(`experiment/${clean(name)} ${words.done}\n`);
  }
  for (const { target, fault, error } of result.left) {
    io.err(`not recovered yet: ${clean(fault)} on ${clean(target)}: ${clean(error)}\n`);
  }
  return result.left.length > 0 ? 1 : 0;
}
