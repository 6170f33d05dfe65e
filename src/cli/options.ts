import { InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../core/duration.ts';
import type { LogLevel } from '../core/log.ts';

/** Options that several verbs share: each is an environment variable too. */
export function stateOption(): Option {
  return new Option(
    '--state <dir>',
    'state directory (default: /var/lib/squall, or for other users than root ~/.local/state/squall)',
  ).env('SQUALL_STATE');
}

export function dockerHostOption(): Option {
  return new Option(
    '--docker-host <url>',
    'the Docker engine (default: DOCKER_HOST, or unix:///var/run/docker.sock)',
  ).env('SQUALL_DOCKER_HOST');
}

/** core/log's own list would load pino, which most verbs do without. */
const LEVELS: LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

export function logLevelOption(): Option {
  return new Option('--log-level <level>', 'least level to log to stderr')
    .choices(LEVELS)
    .default('info')
    .env('SQUALL_LOG_LEVEL');
}

export function outputOption(formats: readonly string[]): Option {
  return new Option('-o, --output <format>', 'how to print it').choices(formats).default(formats[0]);
}

/** A Go-style duration of at least `least` ms, as ms. For commander, which turns the error into one of bad usage. */
export function durationArgument(least = 0): (text: string) => number {
  return (text) => {
    const ms = parseDuration(text);
    if (ms === undefined) throw new InvalidArgumentError('Expected a duration such as 30s or 1m30s.');
    if (ms < least) throw new InvalidArgumentError(`Expected at least ${least}ms.`);
    return ms;
  };
}
