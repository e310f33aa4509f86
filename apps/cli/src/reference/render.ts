import type { Command } from 'commander';
import type { CommandDefinition, CommandGroup } from '../command.ts';
import { COMMANDS } from '../commands/all.ts';
import { EXIT_CODES, EXIT_MEANINGS } from '../exit-codes.ts';
import { buildProgram } from '../program.ts';

const GENERATED = '<!-- Made by `npm run docs`. Do not edit. -->';

/** The reference of every command, as Markdown, from the definition that parses. */
export function renderCliReference(): string {
  const program = buildProgram(COMMANDS, {
    version: '',
    colours: false,
    writeHelp: () => undefined,
    invoke: async () => undefined,
  });
  const sections = COMMANDS.flatMap((item) => {
    const command = find(program, [item.declare().name()]);
    const own = section(command, item, '##');
    if (!('commands' in item)) return [own];
    return [own, ...item.commands.map((child) => section(find(command, [child.declare().name()]), child, '###'))];
  });
  return [
    GENERATED,
    '# Commands',
    'Results go to standard output, progress and messages to standard error. Every command takes `--json` (exactly one JSON\ndocument on standard output; a failure is `{"error": {"code", "message", "hint", "details"}}`) and `--quiet`.\n[Exit codes](exit-codes.md) tell scripts what happened. A bowl is named by its folder, its file, or the name of a ready bowl.',
    environment(),
    ...sections,
    '',
  ]
    .join('\n\n')
    .trimEnd()
    .concat('\n');
}

/** What the exit codes mean, and which errors lead to which, as Markdown. */
export function renderExitCodes(): string {
  const rows = Object.entries(EXIT_MEANINGS).map(([code, meaning]) => {
    const errors = Object.entries(EXIT_CODES).filter(([, exitCode]) => String(exitCode) === code);
    return `| ${code} | ${meaning} | ${errors.map(([name]) => `\`${name}\``).join(' ')} |`;
  });
  return [
    GENERATED,
    '',
    '# Exit codes',
    '',
    '`bowline boot --run COMMAND` ends with the exit code of the command in the machine; every other exit code is one of these.',
    'The codes of errors are those in `error.code` with `--json`.',
    '',
    '| exit code | meaning | codes of errors |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function environment(): string {
  return [
    '| variable | meaning |',
    '|---|---|',
    '| `BOWLINE_CACHE` | cache folder; else `$XDG_CACHE_HOME/bowline`, else `~/.cache/bowline` |',
    '| `NO_COLOR` | not empty: no colours, also on a terminal |',
    '| `BOWLINE_STACK` | not empty: faults of Bowline itself show where they happened |',
  ].join('\n');
}

function section(command: Command, item: CommandDefinition | CommandGroup, level: string): string {
  const help = command.createHelp();
  const options = help
    .visibleOptions(command)
    .filter((option) => !['--json', '--quiet', '--help'].includes(option.long ?? ''))
    .map((option) => `| \`${option.flags.replaceAll('|', '\\|')}\` | ${cell(help.optionDescription(option))} |`);
  const words = help
    .visibleArguments(command)
    .map((word) => `| \`${word.name()}\` | ${cell(help.argumentDescription(word))} |`);
  const rows = [...words, ...options];
  return [
    `${level} \`${help.commandUsage(command).replace(' [options]', rows.length > words.length ? ' [options]' : '')}\``,
    command.description(),
    ...(rows.length === 0 ? [] : [['| word | meaning |', '|---|---|', ...rows].join('\n')]),
    ['```sh', ...item.examples, '```'].join('\n'),
  ].join('\n\n');
}

function find(parent: Command, path: readonly string[]): Command {
  let command = parent;
  for (const name of path) {
    const next = command.commands.find((child) => child.name() === name);
    if (next === undefined) throw new TypeError(`no command ${name}`);
    command = next;
  }
  return command;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
}
