import type { Command } from 'commander';
import type { LogLevel } from '../core/log.ts';
import { stateDir } from './context.ts';
import type { Io } from './io.ts';
import { dockerHostOption, logLevelOption, stateOption } from './options.ts';
import { action, type Cli } from './verb.ts';

interface SentinelOptions {
  state?: string;
  dockerHost?: string;
  logLevel: LogLevel;
  once?: boolean;
}

export function addSentinel(program: Command, cli: Cli): void {
  program
    .command('sentinel')
    .description('end what is past its deadline when the daemon is dead; in the foreground, for a supervisor')
    .option('--once', 'look once, then end')
    .addOption(stateOption())
    .addOption(dockerHostOption())
    .addOption(logLevelOption())
    .action(action(cli, sentinel));
}

async function sentinel(_: Io, options: SentinelOptions): Promise<undefined> {
  const { runSentinel } = await import('../daemon/sentinel.ts');
  const { dockerHost, logLevel, once = false } = options;
  await runSentinel({ state: stateDir(options.state), dockerHost, logLevel, once, detached: false });
}
