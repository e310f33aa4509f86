import type { Command } from 'commander';
import { type CommandWords, collectWords } from './words.ts';

/** Shells with a completion script. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
/** A shell with a completion script. */
export type Shell = (typeof SHELLS)[number];

/** The completion script of a shell for a command line. */
export function completionScript(shell: Shell, program: Command): string {
  const words = collectWords(program);
  switch (shell) {
    case 'bash':
      return bashScript(words);
    case 'zsh':
      return zshScript(words);
    case 'fish':
      return fishScript(words);
  }
}

/** Finds the innermost command on the line: words that are commands where they stand lead on. */
function walkCases(all: readonly CommandWords[]): string[] {
  return all
    .filter((words) => words.path.length > 0)
    .map((words) => `      ${quote(words.path.join(' '))}) at=${quote(words.path.join(' '))} ;;`);
}

function bashScript(all: readonly CommandWords[]): string {
  const lines = all.map((words) => {
    const plain = [
      ...words.commands.map((command) => command.name),
      ...words.choices,
      ...words.options.flatMap((o) => o.flags),
    ];
    return `    ${quote(words.path.join(' '))}) words=${quote(plain.join(' '))}; files=${words.takesFiles ? 1 : ''} ;;`;
  });
  const values = all.flatMap((words) =>
    words.options
      .filter((option) => option.takesValue)
      .flatMap((option) =>
        option.flags.map((flag) => ({ key: `${words.path.join(' ')}:${flag}`, choices: option.choices })),
      ),
  );
  return `# bash completion for bowline; made by \`bowline completion bash\`.
_bowline() {
  local at='' word words='' files='' current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "\${at:+$at }$word" in
${walkCases(all).join('\n')}
    esac
  done
  case "$at:$previous" in
${values
  .map(
    ({ key, choices }) =>
      `    ${quote(key)}) ${choices.length > 0 ? `COMPREPLY=($(compgen -W ${quote(choices.join(' '))} -- "$current"))` : 'COMPREPLY=($(compgen -f -- "$current"))'}; return ;;`,
  )
  .join('\n')}
  esac
  case "$at" in
${lines.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ -n $files && $current != -* ]]; then
    COMPREPLY+=($(compgen -f -- "$current"))
  fi
}
complete -o filenames -F _bowline bowline ./bowline
`;
}

function zshScript(all: readonly CommandWords[]): string {
  const cases = all.map((words) => {
    const items = [
      ...words.commands.map((command) => `${command.name.replaceAll(':', '\\:')}:${command.description}`),
      ...words.choices,
      ...words.options.flatMap((option) => option.flags.map((flag) => `${flag}:${option.description}`)),
    ];
    return `    ${quote(words.path.join(' '))}) items=(${items.map(quote).join(' ')}); files=${words.takesFiles ? 1 : "''"} ;;`;
  });
  const values = all.flatMap((words) =>
    words.options
      .filter((option) => option.takesValue)
      .flatMap((option) =>
        option.flags.map(
          (flag) =>
            `    ${quote(`${words.path.join(' ')}:${flag}`)}) ${option.choices.length > 0 ? `compadd -- ${option.choices.map(quote).join(' ')}` : '_files'}; return ;;`,
        ),
      ),
  );
  return `#compdef bowline
# zsh completion for bowline; made by \`bowline completion zsh\`.
_bowline() {
  local at='' word files='' i
  local -a items
  for ((i = 2; i < CURRENT; i++)); do
    word="\${words[i]}"
    case "\${at:+$at }$word" in
${walkCases(all).join('\n')}
    esac
  done
  case "$at:\${words[CURRENT-1]}" in
${values.join('\n')}
  esac
  case "$at" in
${cases.join('\n')}
  esac
  _describe -t words 'bowline' items
  [[ -n $files && \${words[CURRENT]} != -* ]] && _files
}
if [ "$funcstack[1]" = _bowline ]; then _bowline "$@"; else compdef _bowline bowline; fi
`;
}

function fishScript(all: readonly CommandWords[]): string {
  const lines: string[] = [];
  for (const words of all) {
    const condition = `__bowline_at ${quote(words.path.join(' '))}`;
    const rule = (rest: string) => lines.push(`complete -c bowline -n ${quote(condition)} ${rest}`);
    if (!words.takesFiles) rule('-f');
    for (const command of words.commands) rule(`-a ${quote(command.name)} -d ${quote(command.description)}`);
    for (const choice of words.choices) rule(`-a ${quote(choice)}`);
    for (const option of words.options) {
      const names = option.flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
      const value = !option.takesValue
        ? ''
        : option.choices.length > 0
          ? ` -x -a ${quote(option.choices.join(' '))}`
          : ' -r';
      rule(`${names.join(' ')}${value} -d ${quote(option.description)}`);
    }
  }
  const known = all.filter((words) => words.path.length > 0).map((words) => quote(words.path.join(' ')));
  return `# fish completion for bowline; made by \`bowline completion fish\`.
function __bowline_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim -- "$at $word")
    if contains -- "$next" ${known.join(' ')}
      set at "$next"
    end
  end
  test "$at" = "$argv[1]"
end
${lines.join('\n')}
`;
}

/** One word in single quotes, as all three shells read it here: descriptions and names hold no control characters. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
