import { type Command, InvalidArgumentError, Option } from 'commander';
import { formatJson } from '../report/json.ts';
import { FINDINGS, type Finding, hasFinding, type PlanCheck } from '../report/plan-check.ts';
import { formatPlans, viewPlan } from '../report/plans.ts';
import { countProblems, formatProblems } from '../report/problems.ts';
import { stateDir } from './context.ts';
import type { Io } from './io.ts';
import { type PlanOptions, planArguments, planNow } from './planning.ts';
import { action, type Cli } from './verb.ts';

type Format = 'text' | 'json' | 'markdown' | 'github';

interface Options extends PlanOptions {
  output: Format;
  base?: string;
  inventory?: string;
  engine: boolean;
  failOn: Finding[];
}

export function addPlan(program: Command, cli: Cli): void {
  const command = program
    .command('plan')
    .description('tell what a daemon would do with these manifests; changes nothing');
  planArguments(command, ['text', 'json', 'markdown', 'github'])
    .option(
      '--base <ref>',
      'tell what the change from a base would do: a commit (origin/main), where HEAD left one (origin/main...), or a directory',
    )
    .option('--inventory <file>', 'plan for the containers of a file that `squall inventory` wrote')
    .option('--no-engine', 'plan without containers: ask no engine')
    .addOption(failOnOption())
    .addHelpText('after', HELP)
    .action(action(cli, plan));
}

const HELP = `
Without any of --base, --inventory, --no-engine, --fail-on, -o markdown and
-o github: what a daemon with this state directory would do now. With one of
them: what the change from the base would do, whatever ran before; without
--base, everything counts as new. See docs/pull-requests.md.

Exit codes: 0 fine; 1 something that --fail-on names was found; 2 bad usage or
an invalid manifest.`;

function failOnOption(): Option {
  return new Option('--fail-on <what>', 'exit code 1 where the change has it (may stand again)')
    .choices(FINDINGS)
    .default([], 'nothing')
    .argParser((what: string, before: Finding[]) => {
      const finding = FINDINGS.find((one) => one === what);
      if (!finding) throw new InvalidArgumentError(`Allowed choices are ${FINDINGS.join(', ')}.`);
      return [...before, finding];
    });
}

async function plan(io: Io, paths: string[], options: Options): Promise<number> {
  return isCheck(options) ? check(io, paths, options) : planForDaemon(io, paths, options);
}

function isCheck({ base, inventory, engine, failOn, output }: Options): boolean {
  const asked = base !== undefined || inventory !== undefined || !engine || failOn.length > 0;
  return asked || output === 'markdown' || output === 'github';
}

async function planForDaemon(io: Io, paths: string[], options: Options): Promise<number> {
  const { plans, invalid } = await planNow(io, paths, options);
  const list = { apiVersion: 'squall/v1', kind: 'PlanList', items: plans.map(viewPlan) };
  io.out(options.output === 'json' ? formatJson(list) : formatPlans(plans, io.style));
  return invalid ? 2 : 0;
}

async function check(io: Io, paths: string[], options: Options): Promise<number> {
  const { base, inventory, engine, dockerHost, output, failOn } = options;
  const state = stateDir(options.state);
  const { checkPlan } = await import('./check/check.ts');
  const found = await checkPlan({ paths, base, inventory, engine, dockerHost, state });
  io.out(await format(found, output, new Set(failOn), io));
  if (output !== 'github') io.err(formatProblems(found.problems));
  if (countProblems(found.problems).errors > 0) return 2;
  return failOn.some((finding) => hasFinding(found, finding)) ? 1 : 0;
}

async function format(
  found: PlanCheck,
  output: Format,
  failing: ReadonlySet<Finding>,
  { style }: Io,
): Promise<string> {
  switch (output) {
    case 'json':
      return formatJson({ apiVersion: 'squall/v1', kind: 'PlanCheck', ...found });
    case 'markdown':
      return (await import('../report/plan-markdown.ts')).formatCheckMarkdown(found);
    case 'github':
      return (await import('../report/plan-github.ts')).formatCheckGithub(found, failing);
    case 'text':
      return (await import('../report/plan-text.ts')).formatCheck(found, style);
  }
}
