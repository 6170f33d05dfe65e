import type { Command } from 'commander';
import { statePaths } from '../daemon/paths.ts';
import type { HoldResult } from '../server/control.ts';
import { askDaemon } from './client.ts';
import { stateDir } from './context.ts';
import { actPath, reportHold } from './daemon-call.ts';
import type { Io } from './io.ts';
import { outputOption, stateOption } from './options.ts';
import { action, type Cli } from './verb.ts';

interface SuspendOptions {
  state?: string;
  output: 'text' | 'json';
}

export function addSuspend(program: Command, cli: Cli): void {
  program
    .command('suspend')
    .description('recover now, and let the experiment rest until `squall resume`')
    .argument('<name>', 'the experiment')
    .addOption(outputOption(['text', 'json']))
    .addOption(stateOption())
    .action(action(cli, suspend));
}

async function suspend(io: Io, name: string, options: SuspendOptions): Promise<number> {
  const { socket } = statePaths(stateDir(options.state));
  const result = await askDaemon<HoldResult>(socket, 'POST', actPath('suspend', name));
  return reportHold(io, result, { done: 'suspended', all: false }, options.output);
}
