import type { CommandModel, OptionModel, Value, VerbModel } from './model.ts';

/** A completion script for zsh, to be sourced or found in `fpath`. */
export function zshScript({ name, options, verbs }: CommandModel): string {
  return `#compdef ${name}
#
# zsh completion for ${name}
#
# For this shell:  source <(${name} completion zsh)
# For every one:   ${name} completion zsh > "\${fpath[1]}/_${name}"

# Asks ${name} for names. \${words} begins with the verb here.
_${name}_names() {
  local line word note
  local -a typed names
  typed=("\${(@Q)words[1,CURRENT-1]}" "\${(Q)IPREFIX}\${(Q)PREFIX}")
  typed=("\${(@)typed/#\\~\\//$HOME/}")
  for line in "\${(@f)$(_call_program names ${name} __complete -- "\${(@q)typed}" 2>/dev/null)}"; do
    word=\${line%%$'\\t'*} note=\${line#*$'\\t'}
    [[ -n $word ]] && names+=("\${word//:/\\\\:}:$note")
  done
  _describe -t names name names
}

_${name}() {
  local curcontext=$curcontext state line
  local -a verbs
  typeset -A opt_args
  _arguments -C -S \\
    ${options.map((option) => optionSpec(option, name)).join(' \\\n    ')} \\
    '1: :->verb' \\
    '*:: :->rest'
  case $state in
    verb)
      verbs=(
${verbs.map((verb) => `        ${quote(`${verb.name}:${verb.summary}`)}`).join('\n')}
      )
      _describe -t verbs verb verbs
      ;;
    rest)
      curcontext=\${curcontext%:*:*}:${name}-$words[1]:
      case $words[1] in
${verbs.map((verb) => verbCase(verb, name)).join('\n')}
      esac
      ;;
  esac
}

compdef _${name} ${name}

# Found in fpath, this file is the function's body at its first call.
if [[ $funcstack[1] == _${name} ]]; then _${name} "$@"; fi
`;
}

function verbCase(verb: VerbModel, program: string): string {
  const specs = [
    ...verb.options.map((option) => optionSpec(option, program)),
    ...argumentSpecs(verb, program),
  ];
  return `        ${verb.name})
          _arguments -S \\
            ${specs.join(' \\\n            ')}
          ;;`;
}

/** zshcompsys(1), _arguments: \`'(-o --output)'{-o+,--output=}'[text]:format:(a b)'\`. */
function optionSpec({ flags, summary, value, many }: OptionModel, program: string): string {
  const about = `[${summary.replace(/[\\[\]]/g, '\\$&')}]`;
  const takes = value ? `:value:${actionOf(value, program)}` : '';
  const spelled = flags.map((flag) => `${flag}${value ? (flag.startsWith('--') ? '=' : '+') : ''}`);
  const exclusive = many ? '*' : `(${flags.join(' ')})`;
  const [only] = spelled;
  if (spelled.length === 1) return quote(`${exclusive}${only}${about}${takes}`);
  return `${quote(exclusive)}{${spelled.join(',')}}${quote(`${about}${takes}`)}`;
}

function argumentSpecs({ arguments: all, many }: VerbModel, program: string): string[] {
  return all.map((value, index) => {
    const isLast = index === all.length - 1;
    return quote(`${many && isLast ? '*' : index + 1}:value:${actionOf(value, program)}`);
  });
}

function actionOf(value: Value, program: string): string {
  if (value.kind === 'words') return `(${value.words.join(' ')})`;
  if (value.kind === 'files') return '_files';
  if (value.kind === 'directories') return '_files -/';
  return value.kind === 'names' ? `_${program}_names` : ' ';
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
