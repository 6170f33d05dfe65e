import type { CommandModel, OptionModel, Value, VerbModel } from './model.ts';

/** A completion script for fish, 3.0 and newer. */
export function fishScript({ name, options, verbs }: CommandModel): string {
  const noVerb = `not __${name}_verb >/dev/null`;
  return `# fish completion for ${name}
#
# For this shell:  ${name} completion fish | source
# For every one:   ${name} completion fish > ~/.config/fish/completions/${name}.fish

# The verb that stands on the command line.
function __${name}_verb
    set -l words (commandline -opc)
    for word in $words[2..-1]
        if not string match -q -- '-*' $word
            echo -- $word
            return 0
        end
    end
    return 1
end

function __${name}_is
    contains -- $argv[1] (__${name}_verb)
end

# Asks ${name} for names: NAME, a tab, what to show beside it.
function __${name}_names
    set -l words (commandline -opc)
    ${name} __complete -- $words[2..-1] (commandline -ct) 2>/dev/null
end

complete -c ${name} -f
${options.map((option) => optionLine(name, noVerb, option)).join('\n')}
${verbs.map((verb) => `complete -c ${name} -n ${quote(noVerb)} -a ${verb.name} -d ${quote(verb.summary)}`).join('\n')}
${verbs.map((verb) => verbLines(name, verb)).join('\n')}
`;
}

function verbLines(program: string, verb: VerbModel): string {
  const is = `__${program}_is ${verb.name}`;
  const lines = verb.options.map((option) => optionLine(program, is, option));
  return ['', ...lines, ...argumentLines(program, is, verb)].join('\n');
}

function optionLine(program: string, condition: string, { flags, summary, value }: OptionModel): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const taken = value ? ` ${takes(program, value, 'option')}` : '';
  return `complete -c ${program} -n ${quote(condition)} ${names.join(' ')}${taken} -d ${quote(summary)}`;
}

/** One line for each way to find words: which of them a place takes, \`squall __complete\` tells. */
function argumentLines(program: string, condition: string, verb: VerbModel): string[] {
  const ways = verb.arguments
    .filter(({ kind }) => kind !== 'anything')
    .map((value) => takes(program, value, 'word'));
  return [...new Set(ways)].map((way) => `complete -c ${program} -n ${quote(condition)} ${way}`);
}

function takes(program: string, value: Value, place: 'option' | 'word'): string {
  const exclusive = place === 'option' ? '-x ' : '';
  if (value.kind === 'words') return `${exclusive}-a ${quote(value.words.join(' '))}`;
  if (value.kind === 'files') return place === 'option' ? '-r -F' : '-F';
  if (value.kind === 'directories') return `${exclusive}-a '(__fish_complete_directories)'`;
  if (value.kind === 'names') return `${exclusive}-a '(__${program}_names)'`;
  return '-x';
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
