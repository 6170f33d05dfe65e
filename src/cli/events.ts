import { type Command, Option } from 'commander';
import type { SquallEvent } from '../core/types.ts';
import { statePaths } from '../daemon/paths.ts';
import { formatJsonLine } from '../report/json.ts';
import { formatTable } from '../report/table.ts';
import { stateDir } from './context.ts';
import type { Io } from './io.ts';
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
}

export function addEvents(program: Command, cli: Cli): void {
  program
    .command('events')
    .description('tell what happened, oldest first (it needs no daemon)')
    .option('-w, --watch', 'then go on and print what happens')
    .addOption(new Option('-e, --experiment <name>', 'only what concerns this experiment'))
    .addOption(outputOption(['table', 'wide', 'json']))
    .addOption(stateOption())
    .addHelpText('after', '\nWith -o json each event is one line.')
    .action(action(cli, events));
}

async function events(io: Io, options: EventsOptions): Promise<number> {
  const state = stateDir(options.state);
  const journalFile = statePaths(state).journal;
  const { experiment, output } = options;
  const keep = (event: SquallEvent) => experiment === undefined || event.experiment === experiment;
  if (options.watch)
    return watch(io, { journalFile, listing: eventListing, keep: () => keep, format: output });
  const journal = await readJournal(journalFile);
  try {
    const found = journal?.events.list(experiment === undefined ? {} : { experiment }) ?? [];
    if (found.length === 0)
      io.err(nothingFound('No events', state, journal !== undefined, experiment !== undefined));
    else if (output === 'json')
      io.out(found.map((event) => formatJsonLine(eventListing.object(event))).join(''));
    else io.out(formatTable(eventListing.columns(io.style, output === 'wide'), found));
    return 0;
  } finally {
    journal?.close();
  }
}
