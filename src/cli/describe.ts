import type { Command } from 'commander';
import { SquallError } from '../core/errors.ts';
import { statePaths } from '../daemon/paths.ts';
import type { Journal } from '../journal/journal.ts';
import { bundle, findExperiment } from '../server/views.ts';
import { stateDir } from './context.ts';
import type { Io } from './io.ts';
import { experimentRow } from './listings.ts';
import { stateOption } from './options.ts';
import { readJournal, staleNote } from './reads.ts';
import { action, type Cli } from './verb.ts';

/** Newest runs and events that a description shows. */
const RUNS = 10;
const EVENTS = 30;

export function addDescribe(program: Command, cli: Cli): void {
  program
    .command('describe')
    .description('tell everything about an experiment (it needs no daemon)')
    .argument('<what...>', 'experiment NAME, experiment/NAME or just NAME')
    .addOption(stateOption())
    .action(action(cli, describe));
}

async function describe(io: Io, what: string[], options: { state?: string }): Promise<undefined> {
  const name = nameOf(what);
  const state = stateDir(options.state);
  const journal = await readJournal(statePaths(state).journal);
  if (!journal) {
    throw new SquallError('SQ502', `no experiment is called "${name}": there is no journal in ${state}`, {
      hint: 'Name the state directory of the daemon: --state DIR',
    });
  }
  try {
    io.out(await description(io, journal, name));
    io.err((await staleNote(journal, statePaths(state).socket)) ?? '');
  } finally {
    journal.close();
  }
}

async function description({ style }: Io, journal: Journal, name: string): Promise<string> {
  const { formatDescription } = await import('../report/describe.ts');
  const row = experimentRow(bundle(journal, findExperiment(journal, name)));
  const runs = journal.runs.list({ experiment: name, limit: RUNS });
  const events = journal.events.list({ experiment: name, limit: EVENTS });
  return formatDescription(row, runs, events, style);
}

const EXPERIMENT = /^(experiments?|exp)$/i;

function nameOf(what: readonly string[]): string {
  const words = what.length === 1 ? (what[0] as string).split('/') : what;
  const [kind = '', name, ...more] = words;
  if (name === undefined) return kind;
  if (more.length === 0 && EXPERIMENT.test(kind)) return name;
  throw new SquallError('SQ501', `"${what.join(' ')}" can't be described`, {
    hint: 'squall describe experiment NAME',
  });
}
