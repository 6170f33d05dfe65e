import type { Command } from 'commander';
import { formatJson } from '../report/json.ts';
import { countRefused, formatDiff, isDifferent, viewPlan } from '../report/plans.ts';
import { plural } from '../report/problems.ts';
import type { Io } from './io.ts';
import { type PlanOptions, planArguments, planNow } from './planning.ts';
import { action, type Cli } from './verb.ts';

export function addDiff(program: Command, cli: Cli): void {
  const command = program
    .command('diff')
    .description('tell only what a daemon would change now; exit code 1 where it would change something');
  planArguments(command, ['text', 'json']).action(action(cli, diff));
}

async function diff(io: Io, paths: string[], options: PlanOptions & { output: string }): Promise<number> {
  const { plans, invalid } = await planNow(io, paths, options);
  const different = plans.filter(isDifferent);
  const list = { apiVersion: 'squall/v1', kind: 'PlanList', items: different.map(viewPlan) };
  io.out(options.output === 'json' ? formatJson(list) : formatDiff(plans, io.style));
  const refused = countRefused(plans);
  if (refused > 0) io.err(`${plural(refused, 'experiment')} waiting or refused: \`squall plan\` says why\n`);
  if (invalid) return 2;
  return different.length > 0 ? 1 : 0;
}
