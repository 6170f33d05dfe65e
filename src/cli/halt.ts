import type { Command } from 'commander';
import { statePaths } from '../daemon/paths.ts';
import type { HoldResult } from '../server/control.ts';
import { askDaemon } from './client.ts';
import { stateDir } from './context.ts';
import { actPath, nameOrAll, reportHold, withOrWithout } from './daemon-call.ts';
import type { Io } from './io.ts';
import { dockerHostOption, outputOption, stateOption } from './options.ts';
import { action, type Cli } from './verb.ts';

interface HaltOptions {
  state?: string;
  dockerHost?: string;
  all?: boolean;
  output: 'text' | 'json';
}

export function addHalt(program: Command, cli: Cli): void {
  program
    .command('halt')
    .description('recover now and inject nothing until `squall resume` (works with the daemon dead too)')
    .argument('[name]', 'the experiment')
    .option('--all', 'all chaos, of experiments to come too')
    .addOption(outputOption(['text', 'json']))
    .addOption(stateOption())
    .addOption(dockerHostOption())
    .action(action(cli, halt));
}

async function halt(io: Io, given: string | undefined, options: HaltOptions): Promise<number> {
  const name = nameOrAll('halt', given, options.all);
  const state = stateDir(options.state);
  io.err(`halting ${name ?? 'all chaos'}: recovering what is injected\n`);
  const result = await withOrWithout(
    io,
    () => askDaemon<HoldResult>(statePaths(state).socket, 'POST', actPath('halt', name)),
    async () => {
      const { haltOffline } = await import('../daemon/offline.ts');
      return haltOffline({ state, dockerHost: options.dockerHost, name: name ?? 'all' });
    },
  );
  return reportHold(io, result, { done: 'halted', all: name === undefined }, options.output);
}
