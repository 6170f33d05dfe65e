import { resolve, sep } from 'node:path';
import type { Command } from 'commander';
import { statePaths } from '../daemon/paths.ts';
import { clean } from '../report/clean.ts';
import type { NamedPlan } from '../report/plans.ts';
import { countProblems, formatProblems } from '../report/problems.ts';
import { manifestPaths, stateDir } from './context.ts';
import type { Io } from './io.ts';
import { dockerHostOption, outputOption, stateOption } from './options.ts';
import { readJournal } from './reads.ts';

export interface PlanOptions {
  state?: string;
  dockerHost?: string;
}

export interface Planned {
  plans: NamedPlan[];
  /** A manifest is wrong: the exit code is 2 then. */
  invalid: boolean;
}

/** The arguments that `plan` and `diff` share. */
export function planArguments(command: Command, formats: readonly string[]): Command {
  return command
    .argument(
      '[paths...]',
      'files and directories (env: SQUALL_MANIFESTS; default: ./experiments and ./schedules)',
    )
    .addOption(outputOption(formats))
    .addOption(stateOption())
    .addOption(dockerHostOption());
}

/** What a daemon would do with these manifests now, for `plan` and `diff`. Problems are told on stderr. */
export async function planNow(io: Io, given: readonly string[], options: PlanOptions): Promise<Planned> {
  const manifests = manifestPaths(given);
  const state = stateDir(options.state);
  const { planOffline } = await import('../daemon/offline.ts');
  const { problems, plans } = await planOffline({ manifests, state, dockerHost: options.dockerHost });
  io.err(formatProblems(problems));
  const sources = await sourcesOf(state);
  const folders = manifests.map((path) => resolve(path));
  const here = plans.filter((plan) => !isElsewhere(plan, sources, folders));
  const errors = problems.filter(({ severity }) => severity === 'error');
  const wrong = new Set(errors.map(({ file }) => resolve(file)));
  const kept = here.filter((plan) => goes(plan) && wrong.has(sources.get(plan.name) ?? ''));
  for (const { name } of kept) io.err(`${clean(name)}: its file is wrong, the last good version stands\n`);
  return { plans: here.filter((plan) => !kept.includes(plan)), invalid: countProblems(problems).errors > 0 };
}

function goes({ plan }: NamedPlan): boolean {
  return plan.actions.some(
    (action) => action.kind === 'forget' || (action.kind === 'end' && action.reason === 'Deleted'),
  );
}

async function sourcesOf(state: string): Promise<Map<string, string>> {
  const journal = await readJournal(statePaths(state).journal);
  try {
    return new Map(journal?.experiments.all().map(({ name, source }) => [name, source.file]));
  } finally {
    journal?.close();
  }
}

/** Who plans one directory of several is not told that the others' experiments end. */
function isElsewhere(
  one: NamedPlan,
  sources: ReadonlyMap<string, string>,
  folders: readonly string[],
): boolean {
  const source = sources.get(one.name);
  if (source === undefined || folders.some((folder) => source === folder || source.startsWith(folder + sep)))
    return false;
  return goes(one);
}
