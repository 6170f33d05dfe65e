import type { Command } from 'commander';
import { statePaths } from '../daemon/paths.ts';
import type { HoldResult } from '../server/control.ts';
import { askDaemon } from './client.ts';
import { stateDir } from './context.ts';
import { actPath, holdEach, namesOrAll, reportHold, underWay, withOrWithout } from './daemon-call.ts';
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
    .argument('[objects...]', 'experiments by NAME, or experiment/NAME, schedule/NAME, scenario/NAME')
    .option('--all', 'all chaos, of manifests to come too')
    .addOption(outputOption(['text', 'json']))
    .addOption(stateOption())
    .addOption(dockerHostOption())
    .action(action(cli, halt));
}

async function halt(io: Io, given: string[], options: HaltOptions): Promise<number> {
  const what = namesOrAll('halt', given, options.all);
  const state = stateDir(options.state);
  const { socket, journal } = statePaths(state);
  io.err(`halting ${what === 'all' ? 'all chaos' : given.join(', ')}: recovering what is injected\n`);
  const held = await withOrWithout(
    io,
    () => holdEach(what, (one) => askDaemon<HoldResult>(socket, 'POST', actPath('halt', one))),
    async () => {
      const { haltOffline } = await import('../daemon/offline.ts');
      return haltOffline({ state, dockerHost: options.dockerHost, what });
    },
  );
  const all = what === 'all';
  const words = { done: 'halted', all, ...(all && { underWay: await underWay(journal) }) };
  return reportHold(io, held, words, options.output);
}
