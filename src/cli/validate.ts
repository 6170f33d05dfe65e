import type { Command } from 'commander';
import type { Problem } from '../manifests/problem.ts';
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
  const { createValidator } = await import('../manifests/validate.ts');
  const { readManifests } = await import('../manifests/read.ts');
  const { FAULTS } = await import('../faults/index.ts');
  const { countProblems, summariseProblems } = await import('../report/problems.ts');
  const { experiments, problems } = await readManifests(manifestPaths(paths), createValidator(FAULTS));
  io.out(await format(problems, experiments.size, options.output));
  io.err(`${summariseProblems(problems, experiments.size)}\n`);
  return countProblems(problems).errors > 0 ? 2 : 0;
}

async function format(problems: readonly Problem[], experiments: number, output: Format): Promise<string> {
  if (output === 'github') return (await import('../report/github.ts')).formatGithub(problems);
  const { countProblems, formatProblems } = await import('../report/problems.ts');
  if (output === 'text') return formatProblems(problems);
  const { formatJson } = await import('../report/json.ts');
  const counts = countProblems(problems);
  return formatJson({ valid: counts.errors === 0, experiments, ...counts, problems });
}
