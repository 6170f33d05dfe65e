import type { Command } from 'commander';
import { statePaths } from '../daemon/paths.ts';
import { clean } from '../report/clean.ts';
import { formatJson } from '../report/json.ts';
import { askDaemon } from './client.ts';
import { stateDir } from './context.ts';
import { actPath } from './daemon-call.ts';
import type { Io } from './io.ts';
import { outputOption, stateOption } from './options.ts';
import { action, type Cli } from './verb.ts';

export function addRun(program: Command, cli: Cli): void {
  program
    .command('run')
    .description('start another run of an experiment, of a suspended template too')
    .argument('<name>', 'the experiment')
    .addOption(outputOption(['text', 'json']))
    .addOption(stateOption())
    .action(action(cli, run));
}

async function run(io: Io, name: string, options: { state?: string; output: string }): Promise<undefined> {
  const { socket } = statePaths(stateDir(options.state));
  const started = await askDaemon<{ run: string }>(socket, 'POST', actPath('run', name));
  io.out(options.output === 'json' ? formatJson(started) : `run/${clean(started.run)} started\n`);
}
