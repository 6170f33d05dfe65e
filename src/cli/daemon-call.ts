import { SquallError } from '../core/errors.ts';
import { parseObjectId } from '../core/kinds.ts';
import type { Journal } from '../journal/journal.ts';
import { clean } from '../report/clean.ts';
import { formatJson } from '../report/json.ts';
import type { ActId, HoldResult } from '../server/control.ts';
import { formatError } from './errors.ts';
import type { Io } from './io.ts';
import { parseAct } from './kinds.ts';
import { readJournal } from './reads.ts';

export type Act = 'run' | 'halt' | 'suspend' | 'resume';

/** `/api/v1/schedules/NAME/halt`, or `/api/v1/halt` for all. */
export function actPath(act: Act, what: ActId | 'all'): string {
  if (what === 'all') return `/api/v1/${act}`;
  const { kind, name } = parseObjectId(what);
  return `/api/v1/${kind.toLowerCase()}s/${encodeURIComponent(name)}/${act}`;
}

/** Names, or --all. Throws SQ501 for neither (an empty variable of a shell too) and both. */
export function namesOrAll(
  verb: Act,
  names: readonly string[],
  all: boolean | undefined,
): readonly ActId[] | 'all' {
  const hint = `squall ${verb} [KIND/]NAME..., or squall ${verb} --all`;
  if (names.length === 0 && all) return 'all';
  if (names.length > 0 && all)
    throw new SquallError('SQ501', `${verb} takes names or --all, not both`, { hint });
  if (names.length === 0 || names.includes('')) throw new SquallError('SQ501', `${verb} what?`, { hint });
  return [...new Set(names.map((name) => parseAct(name, verb)))];
}

/** What became of several; `errors` of those that it was refused for. */
export interface Held {
  result: HoldResult;
  errors: unknown[];
}

/** Asks for each of them at once; one that is refused keeps the others from nothing. Throws SQ503 where no daemon answers any more. */
export async function holdEach(
  what: readonly ActId[] | 'all',
  ask: (what: ActId | 'all') => Promise<HoldResult>,
): Promise<Held> {
  const asked = await Promise.allSettled(what === 'all' ? [ask('all')] : what.map(ask));
  const errors = asked.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  const gone = errors.find((error) => error instanceof SquallError && error.code === 'SQ503');
  if (gone || errors.length === asked.length) throw gone ?? errors[0];
  const { mergeHolds } = await import('../server/holds.ts');
  return {
    result: mergeHolds(asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))),
    errors,
  };
}

/** Asks the daemon; where none answers, says so and acts without it. */
export async function withOrWithout(
  io: Io,
  ask: () => Promise<Held>,
  without: () => Promise<Held>,
): Promise<Held> {
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

/**
 * The experiments and scenarios of which a run is not over, held or not. Undefined where the journal does not tell: then all are named,
 * for nothing may come in the way of a halt.
 */
export async function underWay(file: string): Promise<ReadonlySet<string> | undefined> {
  let journal: Journal | undefined;
  try {
    journal = await readJournal(file);
    if (!journal) return undefined;
    const { stateOf } = await import('../scenario/state.ts');
    const scenarios = journal.objects.all('Scenario').filter((one) => stateOf(one).run?.ending === null);
    return new Set([
      ...journal.runs.active().map(({ experiment }) => `experiment/${experiment}`),
      ...scenarios.map(({ name }) => `scenario/${name}`),
    ]);
  } catch {
    return undefined;
  } finally {
    journal?.close();
  }
}

/** `underWay`: given where all was meant: only these are named. */
export interface HoldWords {
  done: string;
  all: boolean;
  underWay?: ReadonlySet<string> | undefined;
}

/** Prints what was held or let go: data to stdout, what is left to stderr. Gives the exit code: 1 where something is left. */
export function reportHold(
  io: Io,
  { result, errors }: Held,
  words: HoldWords,
  output: 'text' | 'json',
): number {
  io.out(output === 'json' ? formatJson(result) : heldText(result, words));
  for (const error of errors) io.err(formatError(error));
  for (const { target, fault, error } of result.left) {
    io.err(`not recovered yet: ${clean(fault)} on ${clean(target)}: ${clean(error)}\n`);
  }
  return result.left.length + errors.length > 0 ? 1 : 0;
}

function heldText({ schedules, scenarios, experiments }: HoldResult, words: HoldWords): string {
  const { done, all, underWay } = words;
  const ids = [
    ...schedules.map((name) => `schedule/${name}`),
    ...scenarios.map((name) => `scenario/${name}`),
    ...experiments.map((name) => `experiment/${name}`),
  ];
  const named = all && underWay ? ids.filter((id) => underWay.has(id)) : ids;
  const rest = ids.length - named.length;
  const also = rest > 0 ? [`${named.length > 0 ? 'and ' : ''}${rest} at rest\n`] : [];
  const lines = named.map((id) => `${clean(id)} ${done}\n`);
  return [...(all ? [`all chaos ${done}\n`] : []), ...lines, ...also].join('');
}
