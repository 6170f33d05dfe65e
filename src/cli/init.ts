import { type Command, Option } from 'commander';
import type { InitOptions } from './init/run.ts';
import type { Io } from './io.ts';
import { dockerHostOption } from './options.ts';
import { action, type Cli } from './verb.ts';

export function addInit(program: Command, cli: Cli): void {
  program
    .command('init')
    .description(
      'write a first set of manifests for your own repository; none of them injects anything by itself',
    )
    .argument('[dir]', 'the repository', '.')
    .addOption(
      new Option('--project <name>', 'the compose project that the example is for (default: one that runs)'),
    )
    .option('--github', 'also a workflow that plans every pull request on GitHub')
    .option('--force', 'replace files that are there already')
    .option('--dry-run', 'print what would be written, and write nothing')
    .addOption(dockerHostOption())
    .addHelpText(
      'after',
      `
Writes experiments/example.yaml, experiments/policies/default.yaml,
schedules/nightly.yaml, and copies of the schemas to .squall/schemas, for
editors; commit these too. Files that are there already are left as they are,
but for those copies, which a newer Squall brings up to date.`,
    )
    .action(action(cli, init));
}

async function init(io: Io, dir: string, options: InitOptions): Promise<undefined> {
  const { runInit } = await import('./init/run.ts');
  await runInit(io, dir, options);
}
