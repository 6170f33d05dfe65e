import type { Command } from 'commander';
import { statePaths } from '../daemon/paths.ts';
import type { HoldResult } from '../server/control.ts';
import { askDaemon } from './client.ts';
import { stateDir } from './context.ts';
import { actPath, nameOrAll, reportHold, withOrWithout } from './daemon-call.ts';
import type { Io } from './io.ts';
import { dockerHostOption, outputOption, stateOption } from './options.ts';
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
    .option('--all', 'lift `squall halt --all`')
    .addOption(outputOption(['text', 'json']))
    .addOption(stateOption())
    .addOption(dockerHostOption())
    .action(action(cli, resume));
}

async function resume(io: Io, given: string | undefined, options: ResumeOptions): Promise<number> {
  const name = nameOrAll('resume', given, options.all);
  const state = stateDir(options.state);
  const result = await withOrWithout(
    io,
    () => askDaemon<HoldResult>(statePaths(state).socket, 'POST', actPath('resume', name)),
    async () => {
      const { resumeOffline } = await import('../daemon/offline.ts');
      return resumeOffline({ state, dockerHost: options.dockerHost, name: name ?? 'all' });
    },
  );
  return reportHold(io, result, { done: 'resumed', all: name === undefined }, options.output);
}
