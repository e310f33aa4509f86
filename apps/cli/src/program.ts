import { Command, CommanderError } from 'commander';
import type { CommandDefinition, CommandGroup } from './command.ts';

/** Calls the command that was chosen, with what was parsed for it. */
export type Invoke = (
  definition: CommandDefinition,
  args: readonly unknown[],
  options: Record<string, unknown>,
) => Promise<void>;

/** Sinks for what the parser itself prints: help on request, and nothing else. */
export interface ProgramOptions {
  version: string;
  writeHelp: (text: string) => void;
  colours: boolean;
  invoke: Invoke;
}

/** Builds the whole command line from its definitions; nothing exits or prints by itself. */
export function buildProgram(
  definitions: readonly (CommandDefinition | CommandGroup)[],
  options: ProgramOptions,
): Command {
  const program = new Command('bowline')
    .description('Turns any Linux base into an immutable, verified operating system image.')
    .version(options.version, '-V, --version', 'print the version')
    .usage('[options] COMMAND')
    .helpCommand('help [command]', 'show the help of a command');
  addSharedOptions(program);
  for (const definition of definitions) {
    const command = 'commands' in definition ? buildGroup(definition, options) : buildCommand(definition, options);
    program.addCommand(command);
  }
  program.addHelpText(
    'after',
    examplesText(['bowline build starter', 'bowline boot out/starter', 'bowline help build']),
  );
  for (const command of [program, ...program.commands, ...program.commands.flatMap((group) => [...group.commands])]) {
    command
      .exitOverride()
      .showSuggestionAfterError(true)
      .configureOutput({
        writeOut: options.writeHelp,
        writeErr: () => undefined,
        getOutHasColors: () => options.colours,
      });
  }
  return program;
}

/** True for the parser's way to say that it printed help or the version, as was asked. */
export function isHelpShown(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}

function buildCommand(definition: CommandDefinition, options: ProgramOptions): Command {
  const command = addSharedOptions(definition.declare());
  command.addHelpText('after', examplesText(definition.examples));
  command.action(async () => {
    await options.invoke(definition, command.processedArgs, command.optsWithGlobals());
  });
  return command;
}

function buildGroup(group: CommandGroup, options: ProgramOptions): Command {
  const command = addSharedOptions(group.declare());
  for (const definition of group.commands) command.addCommand(buildCommand(definition, options));
  command.addHelpText('after', examplesText(group.examples));
  return command;
}

/** They may stand before or after the name of the command. */
function addSharedOptions(command: Command): Command {
  return command
    .option('--json', 'print one JSON document on standard output, and nothing else there')
    .option('--quiet', 'show no progress')
    .helpOption('-h, --help', 'show this help');
}

function examplesText(examples: readonly string[]): string {
  return `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}`;
}
