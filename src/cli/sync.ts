import type { Command } from 'commander';
import { statePaths } from '../daemon/paths.ts';
import { clean } from '../report/clean.ts';
import { formatJson } from '../report/json.ts';
import type { GitState } from '../server/control.ts';
import { askDaemon } from './client.ts';
import { stateDir } from './context.ts';
import type { Io } from './io.ts';
import { outputOption, stateOption } from './options.ts';
import { action, type Cli } from './verb.ts';

export function addSync(program: Command, cli: Cli): void {
  program
    .command('sync')
    .description('fetch the repository of `squall daemon --git` now')
    .addOption(outputOption(['text', 'json']))
    .addOption(stateOption())
    .action(action(cli, sync));
}

async function sync(io: Io, options: { state?: string; output: string }): Promise<number> {
  const { socket } = statePaths(stateDir(options.state));
  const state = await askDaemon<GitState>(socket, 'POST', '/api/v1/git/sync');
  const { url, branch, commit, error } = state;
  const at = commit === null ? 'has no good commit yet' : `is at commit ${clean(commit.slice(0, 12))}`;
  io.out(options.output === 'json' ? formatJson(state) : `${clean(branch)} of ${clean(url)} ${at}\n`);
  if (error === null) return 0;
  io.err(`${clean(error)}\n`);
  return 1;
}
