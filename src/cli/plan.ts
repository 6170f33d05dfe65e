import type { Command } from 'commander';
import { formatJson } from '../report/json.ts';
import { formatPlans, viewPlan } from '../report/plans.ts';
import type { Io } from './io.ts';
import { type PlanOptions, planArguments, planNow } from './planning.ts';
import { action, type Cli } from './verb.ts';

export function addPlan(program: Command, cli: Cli): void {
  const command = program
    .command('plan')
    .description('tell what a daemon would do with these manifests now; changes nothing');
  planArguments(command).action(action(cli, plan));
}

async function plan(io: Io, paths: string[], options: PlanOptions & { output: string }): Promise<number> {
  const { plans, invalid } = await planNow(io, paths, options);
  const list = { apiVersion: 'squall/v1', kind: 'PlanList', items: plans.map(viewPlan) };
  io.out(options.output === 'json' ? formatJson(list) : formatPlans(plans, io.style));
  return invalid ? 2 : 0;
}
