import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { LogLevel } from '../core/log.ts';
import type { GitOptions } from '../daemon/options.ts';
import type { TcpOptions } from '../server/tcp.ts';
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
  listen?: string;
  tokenFile?: string;
  git?: string;
  branch: string;
  path: string[];
  /** ms */
  interval: number;
  allowedSigners?: string;
  notifyWebhook?: string[];
  notifySlack?: string;
  notifyOn?: string;
}

/** ms. Each pass lists containers and reads rules: not more often than this. */
const LEAST_RESYNC = 1000;
/** ms between fetches: somebody else's server answers them. */
const LEAST_INTERVAL = 1000;

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
    .addOption(
      new Option(
        '--listen <address>',
        'answer over TCP too, on 127.0.0.1:8080 say, or :8080 for every address; needs a token',
      ).env('SQUALL_LISTEN'),
    )
    .addOption(
      new Option(
        '--token-file <file>',
        'holds the token for --listen, 16 characters or more, and is read anew when it changes (or set SQUALL_TOKEN)',
      ).env('SQUALL_TOKEN_FILE'),
    )
    .addOption(
      new Option(
        '--git <url>',
        'take manifests from this repository; of directories then only those of --manifests, beside it',
      ).env('SQUALL_GIT'),
    )
    .addOption(new Option('--branch <name>', 'its branch').default('main').env('SQUALL_GIT_BRANCH'))
    .addOption(
      new Option('--path <dir...>', 'where manifests are in it (in the environment separated by ":")')
        .default(['.'], 'all of it')
        .env('SQUALL_GIT_PATH'),
    )
    .addOption(
      new Option('--interval <duration>', 'fetch this often')
        .default(30_000, '30s')
        .argParser(durationArgument(LEAST_INTERVAL))
        .env('SQUALL_GIT_INTERVAL'),
    )
    .addOption(
      new Option(
        '--allowed-signers <file>',
        'take only commits that one of these has signed (allowed signers file of ssh-keygen)',
      ).env('SQUALL_ALLOWED_SIGNERS'),
    )
    .option(
      '--notify-webhook <url...>',
      'post what happens here, as JSON (or set SQUALL_NOTIFY_WEBHOOK or _FILE)',
    )
    .option('--notify-slack <url>', 'an incoming webhook of Slack (or set SQUALL_NOTIFY_SLACK or _FILE)')
    .option(
      '--notify-on <kinds>',
      'only of these, such as denied,aborted,failed,halted (or set SQUALL_NOTIFY_ON)',
    )
    .addOption(logLevelOption())
    .action(action(cli, daemon));
}

async function daemon(_: Io, flags: DaemonFlags): Promise<undefined> {
  const git = gitOptions(flags);
  // those of the working directory are looked for only where nothing else is named
  const named = git && !flags.manifests && !process.env.SQUALL_MANIFESTS;
  const manifests = named ? [] : manifestPaths(flags.manifests ?? []);
  const listen = await tcp(flags);
  const { notifyTargets } = await import('../notify/config.ts');
  const notify = notifyTargets(
    { webhook: flags.notifyWebhook, slack: flags.notifySlack, only: flags.notifyOn },
    process.env,
    (path) => readFileSync(path, 'utf8'),
  );
  const { runDaemon } = await import('../daemon/daemon.ts');
  await runDaemon({
    manifests,
    state: stateDir(flags.state),
    dockerHost: flags.dockerHost,
    resync: flags.resync,
    logLevel: flags.logLevel,
    instance: flags.instance,
    sentinel: flags.sentinel && !isFalse(process.env.SQUALL_SENTINEL),
    listen,
    git,
    notify,
  });
}

function gitOptions({
  git: url,
  branch,
  path,
  interval,
  allowedSigners,
}: DaemonFlags): GitOptions | undefined {
  if (!url) return undefined;
  const signers = allowedSigners && resolve(allowedSigners);
  return {
    url,
    branch,
    paths: [path].flat().flatMap((one) => one.split(':')),
    interval,
    allowedSigners: signers,
  };
}

async function tcp({ listen, tokenFile }: DaemonFlags): Promise<TcpOptions | undefined> {
  const token = process.env.SQUALL_TOKEN;
  delete process.env.SQUALL_TOKEN; // what is started from here has no use for it
  if (!listen) return undefined;
  const { tcpOptions } = await import('../server/tcp.ts');
  return tcpOptions({ listen, tokenFile: tokenFile && resolve(tokenFile), token });
}

function isFalse(text: string | undefined): boolean {
  return text !== undefined && ['0', 'false', 'no', 'off'].includes(text.toLowerCase());
}
