import type { Command } from 'commander';
import type { Problem } from '../manifests/problem.ts';
import type { KindCounts } from '../report/problems.ts';
import { manifestPaths } from './context.ts';
import type { Io } from './io.ts';
import { outputOption } from './options.ts';
import { action, type Cli } from './verb.ts';

type Format = 'text' | 'json' | 'github';

export function addValidate(program: Command, cli: Cli): void {
  program
    .command('validate')
    .description('check manifests; exit code 2 where one is wrong (it needs neither daemon nor engine)')
    .argument(
      '[paths...]',
      'files and directories (env: SQUALL_MANIFESTS; default: ./experiments and ./schedules)',
    )
    .addOption(outputOption(['text', 'json', 'github']))
    .action(action(cli, validate));
}

async function validate(io: Io, paths: string[], options: { output: Format }): Promise<number> {
  const { manifestValidator } = await import('../daemon/validator.ts');
  const { readManifests } = await import('../manifests/read.ts');
  const { countProblems, summariseProblems } = await import('../report/problems.ts');
  const { experiments, schedules, scenarios, policies, problems } = await readManifests(
    manifestPaths(paths),
    manifestValidator(),
  );
  const kinds = {
    experiments: experiments.size,
    schedules: schedules.size,
    scenarios: scenarios.size,
    // one that cannot be read stands for what somebody wanted, but is not valid
    policies: [...policies.values()].filter(({ unknown }) => !unknown).length,
  };
  io.out(await format(problems, kinds, options.output));
  io.err(`${summariseProblems(problems, kinds)}\n`);
  return countProblems(problems).errors > 0 ? 2 : 0;
}

async function format(problems: readonly Problem[], kinds: KindCounts, output: Format): Promise<string> {
  if (output === 'github') return (await import('../report/github.ts')).formatGithub(problems);
  const { countProblems, formatProblems } = await import('../report/problems.ts');
  if (output === 'text') return formatProblems(problems);
  const { formatJson } = await import('../report/json.ts');
  const counts = countProblems(problems);
  return formatJson({ valid: counts.errors === 0, ...kinds, ...counts, problems });
}
