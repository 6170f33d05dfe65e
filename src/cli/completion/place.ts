import type { CommandModel, OptionModel, Value, VerbModel } from './model.ts';

/** The word that is being typed, and what it may become. */
export interface Place {
  /** What of it is there; of `--output=js` only what follows the `=`. */
  typed: string;
  value: Value;
  /** The words that the verb has been given before. */
  given: string[];
  /** Values of options that stand before it, by their long flag (the short one where there is no other). */
  options: ReadonlyMap<string, string>;
}

const ANYTHING: Value = { kind: 'anything' };

/** Where a command line ends. `words`: those after the program's name; the last one is being typed, and may be empty. */
export function placeOf(model: CommandModel, words: readonly string[]): Place {
  const before = words.slice(0, -1);
  const typed = words.at(-1) ?? '';
  const at = before.findIndex((word) => !word.startsWith('-'));
  const verb = model.verbs.find(({ name }) => name === before[at]);
  if (!verb) {
    const verbs = { kind: 'words', words: model.verbs.map(({ name }) => name) } as const;
    return { typed, value: at < 0 ? verbs : ANYTHING, given: [], options: new Map() };
  }
  return placeIn(verb, before.slice(at + 1), typed);
}

function placeIn(verb: VerbModel, before: readonly string[], typed: string): Place {
  const given: string[] = [];
  const options = new Map<string, string>();
  let open: OptionModel | undefined; // takes the next word
  let isLiteral = false; // after `--`
  for (const word of before) {
    const option = isLiteral ? undefined : optionOf(verb, word);
    if (option) {
      open = option.value && !option.attached ? option : undefined;
      if (option.attached !== undefined) options.set(keyOf(option), option.attached);
    } else if (word === '--' && !isLiteral) isLiteral = true;
    else if (open) {
      options.set(keyOf(open), word);
      if (!open.many) open = undefined;
    } else given.push(word);
  }
  const rest = { given, options };
  const option = isLiteral ? undefined : optionOf(verb, typed);
  if (option?.attached !== undefined)
    return { typed: option.attached, value: option.value ?? ANYTHING, ...rest };
  const ends = open?.many === true && typed.startsWith('-'); // the next option
  if (open?.value && !isLiteral && !ends) return { typed, value: open.value, ...rest };
  if (typed.startsWith('-') && !isLiteral) return { typed, value: flagsOf(verb), ...rest };
  return { typed, value: argumentAt(verb, given.length), ...rest };
}

function optionOf(verb: VerbModel, word: string): (OptionModel & { attached?: string }) | undefined {
  const equals = word.startsWith('--') ? word.indexOf('=') : -1;
  const flag = equals < 0 ? word : word.slice(0, equals);
  const option = verb.options.find(({ flags }) => flags.includes(flag));
  return option && equals >= 0 ? { ...option, attached: word.slice(equals + 1) } : option;
}

function keyOf({ flags }: OptionModel): string {
  return flags.at(-1) ?? '';
}

function flagsOf({ options }: VerbModel): Value {
  return { kind: 'words', words: options.flatMap(({ flags }) => flags) };
}

function argumentAt(verb: VerbModel, index: number): Value {
  const value = verb.arguments[index] ?? (verb.many ? verb.arguments.at(-1) : undefined);
  return value ?? ANYTHING;
}
