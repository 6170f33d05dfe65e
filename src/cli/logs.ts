import { type Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../core/clock.ts';
import { parseDuration } from '../core/duration.ts';
import { statePaths } from '../daemon/paths.ts';
import type { LevelName, LogLine } from '../report/log-lines.ts';
import { stateDir } from './context.ts';
import { type Io, signalExit } from './io.ts';
import { outputOption, stateOption } from './options.ts';
import { action, type Cli } from './verb.ts';

interface LogsOptions {
  state?: string;
  follow?: boolean;
  experiment?: string;
  level: LevelName;
  /** Wall ms. */
  since?: number;
  tail?: number;
  output: 'text' | 'json';
  sentinel?: boolean;
}

/** The list of report/log-lines would load what most verbs do without. */
const LEVELS: LevelName[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

export function addLogs(program: Command, cli: Cli): void {
  program
    .command('logs')
    .description("print the daemon's log, oldest line first (it needs no daemon)")
    .option('-f, --follow', 'then go on and print what is logged')
    .addOption(new Option('-e, --experiment <name>', 'only lines that name this experiment'))
    .addOption(
      new Option('--level <level>', 'only lines of this level and above').choices(LEVELS).default('trace'),
    )
    .addOption(
      new Option('--since <time>', 'only what is younger: 10m, or 2026-01-31T03:00:00Z').argParser(
        timeArgument,
      ),
    )
    .addOption(
      new Option('-n, --tail <lines>', 'only the last lines (default: all)').argParser(countArgument),
    )
    .option('--sentinel', "the sentinel's log instead")
    .addOption(outputOption(['text', 'json']))
    .addOption(stateOption())
    .addHelpText(
      'after',
      "\nWith -o json each line is an object. The log is squall.log in the state\ndirectory, the older files of it squall.log.1 to .3; the sentinel's is\nsentinel.log.",
    )
    .action(action(cli, logs));
}

async function logs(io: Io, options: LogsOptions): Promise<number> {
  const { readLog } = await import('./log-reader.ts');
  const { formatLogJson, formatLogLine, LEVEL_NUMBERS } = await import('../report/log-lines.ts');
  const format = options.output === 'json' ? formatLogJson : (line: LogLine) => formatLogLine(line, io.style);
  const { dir, log, sentinelLog } = statePaths(stateDir(options.state));
  const file = options.sentinel ? sentinelLog : log;
  const { tail, since } = options;
  const follow = options.follow ? io.interrupted() : undefined;
  const wanted = wantedBy(options, LEVEL_NUMBERS[options.level]);
  let shown = 0;
  for await (const lines of readLog({ file, tail, since, follow, wanted })) {
    shown += lines.length;
    if (lines.length > 0) io.out(lines.map(format).join(''));
  }
  if (follow) return signalExit(follow);
  if (shown === 0)
    io.err(`No lines found in the log in ${dir}. \`--state DIR\` names the daemon's state directory.\n`);
  return 0;
}

function wantedBy({ experiment }: LogsOptions, least: number): (line: LogLine) => boolean {
  return (line) => line.level >= least && (experiment === undefined || isAbout(line, experiment));
}

/** Names the experiment, or one of its runs. */
function isAbout({ fields }: LogLine, experiment: string): boolean {
  if (fields?.experiment !== undefined) return fields.experiment === experiment;
  const run = fields?.run;
  return typeof run === 'string' && run.replace(/-\d+$/, '') === experiment;
}

/** Wall ms of a moment, or of so long ago. */
function timeArgument(text: string): number {
  const ago = parseDuration(text);
  if (ago !== undefined) return systemClock.now() - ago;
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    throw new InvalidArgumentError(
      'Expected a duration such as 10m, or a time such as 2026-01-31T03:00:00Z.',
    );
  return time;
}

function countArgument(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Expected a number of lines.');
  return Number(text);
}
