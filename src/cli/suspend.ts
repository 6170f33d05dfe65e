import type { Command } from 'commander';
import { statePaths } from '../daemon/paths.ts';
import type { HoldResult } from '../server/control.ts';
import { askDaemon } from './client.ts';
import { stateDir } from './context.ts';
import { actPath, holdEach, namesOrAll, reportHold, underWay } from './daemon-call.ts';
import type { Io } from './io.ts';
import { outputOption, stateOption } from './options.ts';
import { action, type Cli } from './verb.ts';

interface SuspendOptions {
  state?: string;
  all?: boolean;
  output: 'text' | 'json';
}

export function addSuspend(program: Command, cli: Cli): void {
  program
    .command('suspend')
    .description(
      'let it rest until `squall resume`: what it does is recovered now, what a schedule started goes on',
    )
    .argument('[objects...]', 'experiments by NAME, or experiment/NAME, schedule/NAME, scenario/NAME')
    .option('--all', 'all that is there now; what is added later runs')
    .addOption(outputOption(['text', 'json']))
    .addOption(stateOption())
    .action(action(cli, suspend));
}

async function suspend(io: Io, given: string[], options: SuspendOptions): Promise<number> {
  const what = namesOrAll('suspend', given, options.all);
  const { socket, journal } = statePaths(stateDir(options.state));
  const held = await holdEach(what, (one) => askDaemon<HoldResult>(socket, 'POST', actPath('suspend', one)));
  const all = what === 'all';
  const words = { done: 'suspended', all, ...(all && { underWay: await underWay(journal) }) };
  return reportHold(io, held, words, options.output);
}
