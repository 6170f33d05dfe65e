import { type Command, Option } from 'commander';
import { SquallError } from '../core/errors.ts';
import { nearMiss } from '../core/near-miss.ts';
import { statePaths } from '../daemon/paths.ts';
import type { Journal } from '../journal/journal.ts';
import { stateDir } from './context.ts';
import type { Io } from './io.ts';
import { documentKind, pluralOf } from './kinds.ts';
import {
  eventListing,
  experimentListing,
  type Listing,
  policyListing,
  runListing,
  scenarioListing,
  scheduleListing,
} from './listings.ts';
import { outputOption, stateOption } from './options.ts';
import { LIST_FORMATS, type Listed, type ListFormat, listed, printLists } from './print.ts';
import { nothingFound, readJournal, staleNote } from './reads.ts';
import { parseSelector } from './selector.ts';
import { action, type Cli } from './verb.ts';
import { watch } from './watch.ts';

interface GetOptions {
  state?: string;
  output: ListFormat;
  watch?: boolean;
  selector?: string;
}

export function addGet(program: Command, cli: Cli): void {
  program
    .command('get')
    .description('list what the journal knows (it needs no daemon)')
    .argument(
      '<kind>',
      'experiments (exp), schedules (sched), scenarios (scn), policies (pol), runs, events (ev) or all; several as exp,scn; also KIND/NAME',
    )
    .argument('[names...]', 'only these; for events, those of these experiments')
    .addOption(outputOption(LIST_FORMATS))
    .option('-w, --watch', 'then go on and print what changes')
    .addOption(
      new Option('-l, --selector <labels>', 'only what carries these labels: suite=nightly,tier!=db'),
    )
    .addOption(stateOption())
    .action(action(cli, get));
}

async function get(io: Io, kindArgument: string, names: string[], options: GetOptions): Promise<number> {
  const [kindWords = '', ...named] = kindArgument.split('/');
  const kinds = [...new Set(kindWords.split(',').map(pluralOf))];
  const kind = kinds.length > 1 && kinds.includes('all') ? 'all' : kinds.join(',');
  const wanted = { names: [...named, ...names], selector: options.selector };
  const state = stateDir(options.state);
  if (wanted.names.length > 0 && (kind === 'all' || kind.includes(',')))
    throw new SquallError('SQ501', `\`get ${kind}\` takes no names`, {
      hint: 'Name one kind: squall get experiments NAME',
    });
  if (options.watch) return watchKind(io, kind, wanted, state, options.output);
  const journal = await readJournal(statePaths(state).journal);
  try {
    const lists = journal ? listKinds(io, journal, kind, wanted) : missing(kind, wanted, state);
    if (lists.every(({ count }) => count === 0)) {
      const narrowed = wanted.names.length > 0 || wanted.selector !== undefined;
      const noun = kind === 'all' ? 'Nothing' : `No ${kind.replaceAll(',', ', ')}`;
      io.err(nothingFound(noun, state, journal !== undefined, narrowed));
    }
    const single = wanted.names.length === 1 && kind !== 'events';
    const isTable = options.output === 'table' || options.output === 'wide';
    if (!isTable || lists.length > 0) await printLists(io, lists, options.output, single);
    if (journal && isTable && lists.some(({ count }) => count > 0))
      io.err((await staleNote(journal, statePaths(state).socket)) ?? '');
    return 0;
  } finally {
    journal?.close();
  }
}

interface Wanted {
  names: readonly string[];
  selector: string | undefined;
}

/** `kind`: `all`, or plurals with commas between. */
function listKinds(io: Io, journal: Journal, kind: string, wanted: Wanted): Listed[] {
  const one = <Row>(listing: Listing<Row>) => {
    const rows = listing.load(journal, 0).filter(keepOf(listing, wanted)(journal));
    refuseUnknown(listing, rows, journal, wanted);
    return listed(listing, rows, io);
  };
  const all: Record<string, () => Listed> = {
    experiments: () => one(experimentListing),
    schedules: () => one(scheduleListing),
    scenarios: () => one(scenarioListing),
    policies: () => one(policyListing),
    runs: () => one(runListing),
    events: () => one(eventListing),
  };
  const kinds = kind === 'all' ? Object.keys(all) : kind.split(',');
  const asked = kinds.map((one) => all[one]).filter((list) => list !== undefined);
  return asked.map((list) => list());
}

/** Labels are those of what a row is or belongs to. Events are asked for by the names of experiments. */
function keepOf<Row>(
  listing: Listing<Row>,
  { names, selector }: Wanted,
): (journal: Journal) => (row: Row) => boolean {
  const test = selector === undefined ? undefined : parseSelector(selector);
  const isEvents = listing === (eventListing as unknown);
  const only = new Set<string | undefined>(isEvents ? names.map((name) => `Experiment/${name}`) : names);
  const nameOf = isEvents ? listing.subject : listing.id;
  return (journal) => {
    const labels = test && labelsOf(journal);
    return (row) =>
      (only.size === 0 || only.has(nameOf(row))) && (!test || test(labels?.get(listing.subject(row)) ?? {}));
  };
}

function labelsOf(journal: Journal): Map<string | undefined, Readonly<Record<string, string>>> {
  return new Map([
    ...journal.experiments.all().map(({ name, labels }) => [`Experiment/${name}`, labels] as const),
    ...journal.objects.all().map(({ kind, name, labels }) => [`${kind}/${name}`, labels] as const),
  ]);
}

/** Asked for by name and not there is an error, as with kubectl; of events there may well be none. */
function refuseUnknown<Row>(
  listing: Listing<Row>,
  rows: readonly Row[],
  journal: Journal,
  { names, selector }: Wanted,
): void {
  if (listing.kind === 'event' || selector !== undefined) return;
  const found = new Set(rows.map(listing.id));
  const unknown = names.find((name) => !found.has(name));
  if (unknown !== undefined) throw notFound(listing, unknown, listing.load(journal, 0).map(listing.id));
}

function notFound(
  { kind, plural }: Pick<Listing<never>, 'kind' | 'plural'>,
  name: string,
  known: readonly string[],
): SquallError {
  const near = nearMiss(name, known);
  return new SquallError('SQ502', `no ${kind} is called "${name}"`, {
    hint: near ? `Did you mean "${near}"?` : `\`squall get ${plural}\` lists them`,
  });
}

function missing(kind: string, { names }: Wanted, state: string): Listed[] {
  const [name] = names;
  if (name === undefined || kind === 'events') return [];
  const singular = documentKind(kind)?.toLowerCase() ?? 'run';
  throw new SquallError('SQ502', `no ${singular} is called "${name}": there is no journal in ${state}`, {
    hint: 'Name the state directory of the daemon: --state DIR',
  });
}

function watchKind(io: Io, kind: string, wanted: Wanted, state: string, format: ListFormat): Promise<number> {
  const journalFile = statePaths(state).journal;
  const one = <Row>(listing: Listing<Row>) =>
    watch(io, { journalFile, listing, keep: keepOf(listing, wanted), format });
  if (kind === 'experiments') return one(experimentListing);
  if (kind === 'schedules') return one(scheduleListing);
  if (kind === 'scenarios') return one(scenarioListing);
  if (kind === 'policies') return one(policyListing);
  if (kind === 'runs') return one(runListing);
  if (kind === 'events') return one(eventListing);
  throw new SquallError('SQ501', 'only one kind can be watched', { hint: 'squall get experiments -w' });
}
