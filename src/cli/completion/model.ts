import type { Argument, Command, Option } from 'commander';

/** What a value may be. `names` only the journal knows: `squall __complete` is asked for them. */
export type Value =
  | { kind: 'words'; words: readonly string[] }
  | { kind: 'files' }
  | { kind: 'directories' }
  | { kind: 'names'; of: Names }
  | { kind: 'anything' };

/** Things with names; `kinds` of them; those of the kind that was given before; what `describe` takes; and what can be run and held. */
export type Names =
  | 'experiments'
  | 'schedules'
  | 'scenarios'
  | 'policies'
  | 'runs'
  | 'kinds'
  | 'of-kind'
  | 'described'
  | 'held'
  | 'documents';

export interface OptionModel {
  /** `-o`, `--output`. */
  flags: string[];
  summary: string;
  /** Undefined where it takes none. */
  value: Value | undefined;
  /** Takes every word up to the next option. */
  many: boolean;
}

export interface VerbModel {
  name: string;
  summary: string;
  options: OptionModel[];
  arguments: Value[];
  /** The last argument may stand again. */
  many: boolean;
}

/** The command line as shells complete it: without what is hidden. */
export interface CommandModel {
  name: string;
  /** Before the verb. */
  options: OptionModel[];
  verbs: VerbModel[];
}

/** Reads it off the tree that parses the command line. */
export function modelOf(program: Command): CommandModel {
  const help = program.createHelp();
  const commands = help.visibleCommands(program);
  const verbs = commands.map((command) => command.name());
  return {
    name: program.name(),
    options: help.visibleOptions(program).map(optionModel),
    verbs: commands.map((command) => ({
      name: command.name(),
      summary: command.description(),
      options: help.visibleOptions(command).map(optionModel),
      arguments: command.registeredArguments.map((argument) => argumentValue(argument, verbs)),
      many: command.registeredArguments.at(-1)?.variadic ?? false,
    })),
  };
}

function optionModel(option: Option): OptionModel {
  return {
    flags: [option.short, option.long].filter((flag) => flag !== undefined),
    summary: option.description,
    value: option.required || option.optional ? optionValue(option) : undefined,
    many: option.variadic,
  };
}

/** Options that take the name of something, by their own name. */
const NAMING: Record<string, Names> = {
  experiment: 'experiments',
  schedule: 'schedules',
  scenario: 'scenarios',
  policy: 'policies',
  run: 'runs',
  for: 'documents',
};

function optionValue({ argChoices, flags, long = '' }: Option): Value {
  if (argChoices) return { kind: 'words', words: argChoices };
  const names = NAMING[long.replace(/^--/, '')];
  if (names) return { kind: 'names', of: names };
  return placeholderValue(/[<[]([\w-]+)/.exec(flags)?.[1] ?? '');
}

/** What arguments take, by the name that they have in the help. */
const ARGUMENTS: Record<string, Names> = {
  name: 'experiments',
  object: 'held',
  objects: 'held',
  run: 'runs',
  kind: 'kinds',
  names: 'of-kind',
  what: 'described',
};

function argumentValue(argument: Argument, verbs: readonly string[]): Value {
  if (argument.argChoices) return { kind: 'words', words: argument.argChoices };
  if (argument.name() === 'verb') return { kind: 'words', words: verbs };
  const names = ARGUMENTS[argument.name()];
  return names ? { kind: 'names', of: names } : placeholderValue(argument.name());
}

/** As help spells it: `<dir>`, `<file>`, `[paths...]`. */
function placeholderValue(word: string): Value {
  if (/^(dir|directory)s?$/.test(word)) return { kind: 'directories' };
  if (/^(file|path)s?$/.test(word)) return { kind: 'files' };
  return { kind: 'anything' };
}

/** What the words of a verb may be, wherever they stand, as far as a script can tell by itself. */
export function anyArgument({ arguments: all }: VerbModel): Value {
  const [first] = all;
  if (!first) return { kind: 'anything' };
  const alike = all.every((value) => value.kind === first.kind);
  return alike ? first : { kind: 'names', of: 'described' };
}
