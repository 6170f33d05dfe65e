import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { statePaths } from '../daemon/paths.ts';
import { openHaltFile } from '../journal/halt-file.ts';
import { clean } from '../report/clean.ts';
import type { HoldResult } from '../server/control.ts';
import { askDaemon } from './client.ts';
import { stateDir } from './context.ts';
import { actPath, nameOrAll, reportHold, withOrWithout } from './daemon-call.ts';
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
    .argument('[name]', 'the experiment')
    .option('--all', 'lift `squall halt --all`, and what holds single experiments')
    .addOption(outputOption(['text', 'json']))
    .addOption(stateOption())
    .addOption(dockerHostOption())
    .action(action(cli, resume));
}

async function resume(io: Io, given: string | undefined, options: ResumeOptions): Promise<number> {
  const name = nameOrAll('resume', given, options.all);
  const state = stateDir(options.state);
  const { socket } = statePaths(state);
  const result = await withOrWithout(
    io,
    () => askDaemon<HoldResult>(socket, 'POST', actPath('resume', name)),
    async () => {
      const { resumeOffline } = await import('../daemon/offline.ts');
      return resumeOffline({ state, dockerHost: options.dockerHost, name: name ?? 'all' });
    },
  );
  const code = reportHold(io, result, { done: 'resumed', all: name === undefined }, options.output);
  if (name !== undefined) io.err(await stillHeld(name, state));
  return code;
}

/** What keeps an experiment at rest all the same. Empty where nothing does. */
async function stillHeld(name: string, state: string): Promise<string> {
  const { halt, journal: file } = statePaths(state);
  if (existsSync(halt) && openHaltFile(halt).read())
    return 'all chaos is halted still: `squall resume --all` lifts that\n';
  const journal = await readJournal(file);
  try {
    if (!journal?.experiments.get(name)?.spec.suspend) return '';
    return `its manifest says suspend: true: \`squall run ${clean(name)}\` starts it\n`;
  } finally {
    journal?.close();
  }
}
