import { anyArgument, type CommandModel, type OptionModel, type Value, type VerbModel } from './model.ts';

/** A completion script for bash, 3.2 and newer; bash-completion is not needed. */
export function bashScript(model: CommandModel): string {
  const { name, verbs, options } = model;
  return `# bash completion for ${name}
#
# For this shell:  source <(${name} completion bash)
# For every one:   ${name} completion bash > ~/.local/share/bash-completion/completions/${name}

_${name}() {
  local program=\${COMP_WORDS[0]} cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local verb='' option='' before='' quote='' value='' options='' argument='' i word line
  local -a words=() typed=()
  COMPREPLY=()

  # Readline parts words at "=", unless COMP_WORDBREAKS was changed.
  if [[ $cur == = ]]; then option=$prev cur=''
  elif [[ $prev == = ]]; then option=\${COMP_WORDS[COMP_CWORD-2]}
  elif [[ $cur == --*=* ]]; then option=\${cur%%=*} before=$option= cur=\${cur#*=}
  elif [[ $prev == -* ]]; then option=$prev
  fi
  case $cur in
    [\\"\\']*) quote=\${cur:0:1} cur=\${cur:1} ;;
    *) cur=\${cur//\\\\/} ;;
  esac

  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ \${COMP_WORDS[i]} != -* ]]; then verb=\${COMP_WORDS[i]}; break; fi
  done
  case $verb in
    '') options=${quote(flagsOf(options).join(' '))} argument=${quote(verbs.map((verb) => verb.name).join(' '))} ;;
${verbs.map(verbCase).join('\n')}
  esac
  case "$verb $option" in
${verbs.flatMap(valueCases).join('\n')}
  esac
${manyLoop(verbs)}
  if [[ -z $value && ( $cur != -* || -n $quote ) ]]; then value=$argument; fi
  if [[ -z $value && $cur == -* ]]; then value=$options; fi

  case $value in
    '' | @anything) return ;;
    @files)
      compopt -o default 2>/dev/null && return
      while IFS= read -r word; do words+=("$word"); done < <(compgen -f -- "$cur")
      ;;
    @directories)
      compopt -o dirnames 2>/dev/null && return
      while IFS= read -r word; do words+=("$word"); done < <(compgen -d -- "$cur")
      ;;
    @names)
      type -P "$program" >/dev/null || program=${name}
      for ((i = 1; i <= COMP_CWORD; i++)); do
        word=\${COMP_WORDS[i]}
        case $word in
          [\\"\\']*) word=\${word#[\\"\\']} word=\${word%[\\"\\']} ;;
          *) word=\${word//\\\\/} ;;
        esac
        if [[ $word == '~/'* ]]; then word=$HOME/\${word:2}; fi
        if ((i > 1)) && [[ $word == = || \${COMP_WORDS[i-1]} == = ]]; then
          typed[\${#typed[@]}-1]+=$word
        else
          typed+=("$word")
        fi
      done
      while IFS= read -r line; do words+=("\${line%%$'\\t'*}"); done \\
        < <("$program" __complete -- "\${typed[@]}" 2>/dev/null)
      ;;
    *) read -r -a words <<<"$value" ;;
  esac

  # Not by compgen -W: it would expand what stands in a name.
  for word in "\${words[@]}"; do
    [[ $word == "$cur"* ]] || continue
    if [[ -z $quote ]]; then printf -v word %q "$word"; fi
    COMPREPLY+=("$before$word")
  done
}

complete -F _${name} ${name}
`;
}

function verbCase(verb: VerbModel): string {
  const argument = codeOf(anyArgument(verb));
  return `    ${verb.name}) options=${quote(flagsOf(verb.options).join(' '))} argument=${quote(argument)} ;;`;
}

function valueCases({ name, options }: VerbModel): string[] {
  return options.flatMap(({ flags, value }) => {
    if (!value) return [];
    const patterns = flags.map((flag) => quote(`${name} ${flag}`)).join(' | ');
    return [`    ${patterns}) value=${quote(codeOf(value))} ;;`];
  });
}

/** For options that take every word up to the next one. */
function manyLoop(verbs: readonly VerbModel[]): string {
  const cases = verbs.flatMap(({ name, options }) =>
    options
      .filter(({ many }) => many)
      .map(({ flags, value }) => {
        const patterns = flags.map((flag) => quote(`${name} ${flag}`)).join(' | ');
        return `      ${patterns}) value=${quote(codeOf(value ?? { kind: 'anything' }))} ;;`;
      }),
  );
  if (cases.length === 0) return '';
  return `  if [[ -z $value && $cur != -* ]]; then
    for ((i = COMP_CWORD - 1; i > 1; i--)); do [[ \${COMP_WORDS[i]} == -* ]] && break; done
    case "$verb \${COMP_WORDS[i]}" in
${cases.join('\n')}
    esac
  fi`;
}

/** What the script calls a value by: the words themselves, or the way to find them. */
function codeOf(value: Value): string {
  return value.kind === 'words' ? value.words.join(' ') : `@${value.kind}`;
}

function flagsOf(options: readonly OptionModel[]): string[] {
  return options.flatMap(({ flags }) => flags);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
