import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { parseObjectId } from '../core/kinds.ts';
import { statePaths } from '../daemon/paths.ts';
import { openHaltFile } from '../journal/halt-file.ts';
import type { Journal } from '../journal/journal.ts';
import { inheritedHold } from '../reconcile/inherited.ts';
import { clean } from '../report/clean.ts';
import type { ActId, HoldResult } from '../server/control.ts';
import { askDaemon } from './client.ts';
import { stateDir } from './context.ts';
import { actPath, holdEach, namesOrAll, reportHold, underWay, withOrWithout } from './daemon-call.ts';
import type { Io } from './io.ts';
import { dockerHostOption, outputOption, stateOption } from './options.ts';
import { readJournal } from './reads.ts';
import { action, type Cli } from './verb.ts';

interface ResumeOptions {
  state?: string;
  dockerHost?: string;
  all?: boolean;
  output: 'text' | 'json';
}

export function addResume(program: Command, cli: Cli): void {
  program
    .command('resume')
    .description('lift a halt or a suspend; a run with time left goes on to its deadline')
    .argument('[objects...]', 'experiments by NAME, or experiment/NAME, schedule/NAME, scenario/NAME')
    .option('--all', 'lift `squall halt --all`, and all that is held by itself')
    .addOption(outputOption(['text', 'json']))
    .addOption(stateOption())
    .addOption(dockerHostOption())
    .action(action(cli, resume));
}

async function resume(io: Io, given: string[], options: ResumeOptions): Promise<number> {
  const what = namesOrAll('resume', given, options.all);
  const state = stateDir(options.state);
  const { socket, journal } = statePaths(state);
  const held = await withOrWithout(
    io,
    () => holdEach(what, (one) => askDaemon<HoldResult>(socket, 'POST', actPath('resume', one))),
    async () => {
      const { resumeOffline } = await import('../daemon/offline.ts');
      return resumeOffline({ state, dockerHost: options.dockerHost, what });
    },
  );
  const all = what === 'all';
  const words = { done: 'resumed', all, ...(all && { underWay: await underWay(journal) }) };
  const code = reportHold(io, held, words, options.output);
  if (what !== 'all') io.err(await stillHeld(what, state));
  return code;
}

/** What keeps them at rest all the same. Empty where nothing does. */
async function stillHeld(what: readonly ActId[], state: string): Promise<string> {
  const { halt, journal: file } = statePaths(state);
  if (existsSync(halt) && openHaltFile(halt).read())
    return 'all chaos is halted still: `squall resume --all` lifts that\n';
  const journal = await readJournal(file);
  try {
    return journal ? what.map((id) => stillHeldBy(journal, id)).join('') : '';
  } finally {
    journal?.close();
  }
}

function stillHeldBy(journal: Journal, id: ActId): string {
  const { kind, name } = parseObjectId(id);
  const typed = clean(kind === 'Experiment' ? name : `${kind.toLowerCase()}/${name}`);
  const record =
    kind === 'Experiment' ? journal.experiments.get(name) : journal.objects.get(kind as 'Schedule', name);
  const spawned = kind === 'Scenario' ? journal.spawned.get('Scenario', name) : undefined;
  const of = record && 'copyOf' in record ? record : spawned;
  const inherited = of && inheritedHold({ journal }, of);
  if (inherited) {
    const by = clean(inherited.by.toLowerCase());
    return `${typed} is ${inherited.hold} still, with ${by}: \`squall resume ${by}\` lifts that\n`;
  }
  const goesOn = kind === 'Experiment' && journal.runs.active().some((run) => run.experiment === name);
  if (goesOn || !record?.spec.suspend) return '';
  const does = kind === 'Schedule' ? 'fires it once' : 'starts it';
  return `its manifest says suspend: true: \`squall run ${typed}\` ${does}\n`;
}
