import { Argument, type Command } from 'commander';
import type { Io } from './io.ts';
import { action, type Cli } from './verb.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export function addCompletion(program: Command, cli: Cli): void {
  program
    .command('completion')
    .description('print a script that completes verbs, options and names in your shell')
    .addArgument(new Argument('<shell>', 'which one').choices(SHELLS))
    .addHelpText(
      'after',
      `
For the shell that you are in:
  source <(squall completion bash)
  source <(squall completion zsh)
  squall completion fish | source
The script says where to put it for every shell to come. Names come from the
journal in the state directory.`,
    )
    .action(action(cli, (io: Io, shell: Shell) => printScript(io, shell, program)));
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .helpOption(false)
    .action(action(cli, (io: Io, words: string[]) => offer(io, words, program)));
}

async function printScript(io: Io, shell: Shell, program: Command): Promise<undefined> {
  const { modelOf } = await import('./completion/model.ts');
  const model = modelOf(program);
  const scripts = {
    bash: async () => (await import('./completion/bash.ts')).bashScript(model),
    zsh: async () => (await import('./completion/zsh.ts')).zshScript(model),
    fish: async () => (await import('./completion/fish.ts')).fishScript(model),
  };
  io.out(await scripts[shell]());
}

async function offer(io: Io, words: readonly string[], program: Command): Promise<undefined> {
  const { complete } = await import('./completion/complete.ts');
  await complete(io, words, program);
}
