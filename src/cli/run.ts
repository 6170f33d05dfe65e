import type { Command } from 'commander';
import { statePaths } from '../daemon/paths.ts';
import { clean } from '../report/clean.ts';
import { formatJson } from '../report/json.ts';
import type { Started } from '../server/control.ts';
import { askDaemon } from './client.ts';
import { stateDir } from './context.ts';
import { actPath } from './daemon-call.ts';
import type { Io } from './io.ts';
import { parseAct } from './kinds.ts';
import { outputOption, stateOption } from './options.ts';
import { action, type Cli } from './verb.ts';

export function addRun(program: Command, cli: Cli): void {
  program
    .command('run')
    .description(
      'start another run, of a suspended template too; of a schedule: what it starts, once and now',
    )
    .argument('<object>', 'an experiment by NAME, or experiment/NAME, schedule/NAME, scenario/NAME')
    .addOption(outputOption(['text', 'json']))
    .addOption(stateOption())
    .action(action(cli, run));
}

async function run(io: Io, what: string, options: { state?: string; output: string }): Promise<undefined> {
  const id = parseAct(what, 'run');
  const { socket } = statePaths(stateDir(options.state));
  const started = await askDaemon<Started>(socket, 'POST', actPath('run', id));
  io.out(options.output === 'json' ? formatJson(started) : text(started));
}

/** The runs of experiments can be asked for by their ids; a scenario's run is told by the scenario. */
function text({ run: id, object }: Started): string {
  if (object.startsWith('Experiment/')) return `run/${clean(id)} started\n`;
  return `${clean(object.toLowerCase())} started: run ${clean(id)}\n`;
}
