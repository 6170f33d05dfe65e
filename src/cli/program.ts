import { Command, CommanderError } from 'commander';
import { VERSION } from '../core/version.ts';
import { addCompletion } from './completion.ts';
import { addDaemon } from './daemon.ts';
import { addDescribe } from './describe.ts';
import { addDiff } from './diff.ts';
import { addDoctor } from './doctor.ts';
import { exitCodeOf, formatError, usageError } from './errors.ts';
import { addEvents } from './events.ts';
import { addGet } from './get.ts';
import { addHalt } from './halt.ts';
import { addInit } from './init.ts';
import { addInventory } from './inventory.ts';
import type { Io } from './io.ts';
import { addLogs } from './logs.ts';
import { addPlan } from './plan.ts';
import { addResume } from './resume.ts';
import { addRun } from './run.ts';
import { addSentinel } from './sentinel.ts';
import { addSuspend } from './suspend.ts';
import { addSync } from './sync.ts';
import { addValidate } from './validate.ts';
import type { Cli } from './verb.ts';

const VERBS = [
  addDaemon,
  addValidate,
  addPlan,
  addDiff,
  addGet,
  addDescribe,
  addRun,
  addHalt,
  addSuspend,
  addResume,
  addSync,
  addEvents,
  addLogs,
  addInventory,
  addDoctor,
  addSentinel,
  addInit,
  addCompletion,
];

/** Arguments -> a verb -> an exit code: 0 fine, 1 it ran and failed (or found differences), 2 bad usage or an invalid manifest. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const cli: Cli = { io, code: 0 };
  try {
    await createProgram(cli).parseAsync(argv, { from: 'user' });
    return cli.code;
  } catch (error) {
    return report(error, argv, io);
  }
}

function report(error: unknown, argv: readonly string[], io: Io): number {
  const shown = error instanceof CommanderError ? usageError(error) : error;
  if (shown === undefined) return argv.length === 0 ? 2 : 0; // help and version have been printed
  io.err(formatError(shown));
  if (!(shown instanceof Error) || shown.name !== 'SquallError') io.err(stackOf(shown));
  return exitCodeOf(shown);
}

/** What nobody foresaw is shown with its place, where someone asks for it. */
function stackOf(error: unknown): string {
  return process.env.SQUALL_DEBUG && error instanceof Error ? `${error.stack}\n` : '';
}

/** The whole command line; parsing it runs the verb and sets `cli.code`. */
export function createProgram(cli: Cli): Command {
  const { io } = cli;
  const program = new Command('squall')
    .description('Keeps the chaos that your manifests declare true on a Docker host, and nothing else.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .helpCommand('help [verb]', 'print the options of a verb')
    .usage('<verb> [options]')
    .addHelpText(
      'after',
      '\nExit codes: 0 fine; 1 it ran and failed, or `diff` found differences;\n2 bad usage or an invalid manifest.',
    )
    .exitOverride()
    .configureOutput({
      writeOut: io.out,
      writeErr: (text) => (text.startsWith('error: ') ? undefined : io.err(text)),
    });
  for (const add of VERBS) add(program, cli);
  return program;
}
