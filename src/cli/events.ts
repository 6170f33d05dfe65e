import { type Command, Option } from 'commander';
import type { ObjectId } from '../core/kinds.ts';
import type { SquallEvent } from '../core/types.ts';
import { statePaths } from '../daemon/paths.ts';
import type { Journal } from '../journal/journal.ts';
import { formatJsonLine } from '../report/json.ts';
import { formatTable } from '../report/table.ts';
import { concerning } from '../server/owned.ts';
import { stateDir } from './context.ts';
import type { Io } from './io.ts';
import { parseObject } from './kinds.ts';
import { eventListing } from './listings.ts';
import { outputOption, stateOption } from './options.ts';
import { nothingFound, readJournal } from './reads.ts';
import { action, type Cli } from './verb.ts';
import { watch } from './watch.ts';

interface EventsOptions {
  state?: string;
  output: 'table' | 'wide' | 'json';
  watch?: boolean;
  experiment?: string;
  for?: string;
}

export function addEvents(program: Command, cli: Cli): void {
  program
    .command('events')
    .description('tell what happened, oldest first (it needs no daemon)')
    .option('-w, --watch', 'then go on and print what happens')
    .addOption(new Option('-e, --experiment <name>', 'only what concerns this experiment'))
    .addOption(
      new Option(
        '--for <object>',
        'only what concerns KIND/NAME, such as schedule/nightly, and what that has started',
      ).conflicts('experiment'),
    )
    .addOption(outputOption(['table', 'wide', 'json']))
    .addOption(stateOption())
    .addHelpText('after', '\nWith -o json each event is one line.')
    .action(action(cli, events));
}

async function events(io: Io, options: EventsOptions): Promise<number> {
  const state = stateDir(options.state);
  const journalFile = statePaths(state).journal;
  const { output } = options;
  const id = options.for === undefined ? undefined : parseObject(options.for);
  const keep = keepOf(options.experiment, id);
  if (options.watch) return watch(io, { journalFile, listing: eventListing, keep, format: output });
  const journal = await readJournal(journalFile);
  try {
    const found = journal ? eventListing.load(journal, 0).filter(keep(journal)) : [];
    const narrowed = id !== undefined || options.experiment !== undefined;
    if (found.length === 0) io.err(nothingFound('No events', state, journal !== undefined, narrowed));
    else if (output === 'json')
      io.out(found.map((event) => formatJsonLine(eventListing.object(event))).join(''));
    else io.out(formatTable(eventListing.columns(io.style, output === 'wide'), found));
    return 0;
  } finally {
    journal?.close();
  }
}

/** Asked anew at each look: what a schedule has started becomes more. */
function keepOf(
  experiment: string | undefined,
  id: ObjectId | undefined,
): (journal: Journal) => (event: SquallEvent) => boolean {
  if (id !== undefined) return (journal) => concerning(journal, id);
  return () => (event) => experiment === undefined || event.experiment === experiment;
}
