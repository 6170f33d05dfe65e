import { type Command, Option } from 'commander';
import type { LogLevel } from '../core/log.ts';
import { manifestPaths, stateDir } from './context.ts';
import type { Io } from './io.ts';
import { dockerHostOption, durationArgument, logLevelOption, stateOption } from './options.ts';
import { action, type Cli } from './verb.ts';

interface DaemonFlags {
  manifests?: string[];
  state?: string;
  dockerHost?: string;
  /** ms */
  resync: number;
  logLevel: LogLevel;
  instance?: string;
  sentinel: boolean;
}

/** ms. Each pass lists containers and reads rules: not more often than this. */
const LEAST_RESYNC = 1000;

export function addDaemon(program: Command, cli: Cli): void {
  program
    .command('daemon')
    .description('watch manifests and keep what they declare true, until SIGTERM or SIGINT')
    .addOption(
      new Option(
        '-m, --manifests <dir...>',
        'directories to watch (env: SQUALL_MANIFESTS, separated by ":"; default: ./experiments and ./schedules)',
      ),
    )
    .addOption(stateOption())
    .addOption(dockerHostOption())
    .addOption(
      new Option('--resync <duration>', 'look at everything this often, events or not')
        .default(30_000, '30s')
        .argParser(durationArgument(LEAST_RESYNC))
        .env('SQUALL_RESYNC'),
    )
    .addOption(
      new Option('--instance <name>', 'a name, for a second daemon on the same engine').env(
        'SQUALL_INSTANCE',
      ),
    )
    .option(
      '--no-sentinel',
      'start no sentinel: a supervisor runs `squall sentinel` (env: SQUALL_SENTINEL=false)',
    )
    .addOption(logLevelOption())
    .action(action(cli, daemon));
}

async function daemon(_: Io, flags: DaemonFlags): Promise<undefined> {
  const manifests = manifestPaths(flags.manifests ?? []);
  const { runDaemon } = await import('../daemon/daemon.ts');
  await runDaemon({
    manifests,
    state: stateDir(flags.state),
    dockerHost: flags.dockerHost,
    resync: flags.resync,
    logLevel: flags.logLevel,
    instance: flags.instance,
    sentinel: flags.sentinel && !isFalse(process.env.SQUALL_SENTINEL),
  });
}

function isFalse(text: string | undefined): boolean {
  return text !== undefined && ['0', 'false', 'no', 'off'].includes(text.toLowerCase());
}
