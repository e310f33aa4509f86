import { Command, CommanderError } from 'commander';
import type { CommandDefinition } from './commands/command.ts';

/** Calls the command that was chosen, with what was parsed for it. */
export type Invoke = (
  definition: CommandDefinition,
  args: readonly unknown[],
  options: Record<string, unknown>,
) => Promise<void>;

/** Sinks for what the parser itself prints: help on request, and nothing else. */
export interface ProgramOptions {
  writeHelp: (text: string) => void;
  invoke: Invoke;
}

/** The command line of one command; nothing exits or prints by itself. */
export function buildProgram(definition: CommandDefinition, options: ProgramOptions): Command {
  const program = addSharedOptions(new Command('bowline-agent'));
  program.addCommand(buildCommand(definition, options));
  for (const command of [program, ...program.commands, ...program.commands.flatMap((group) => [...group.commands])]) {
    command
      .exitOverride()
      .showSuggestionAfterError(true)
      .helpCommand(false)
      .configureOutput({
        writeOut: options.writeHelp,
        writeErr: () => undefined,
        getOutHasColors: () => false,
      });
  }
  return program;
}

/** The parser's own complaint; undefined for any other error. Help that was asked for has exit code 0. */
export function parserComplaint(error: unknown): { isHelp: boolean; message: string; hint: string } | undefined {
  if (!(error instanceof CommanderError)) return undefined;
  const [first = '', ...rest] = error.message.trim().split('\n');
  return {
    isHelp: error.exitCode === 0,
    message: first.replace(/^error: /, ''),
    hint: rest.join(' ').replace(/^\((.*)\)$/, '$1'),
  };
}

function buildCommand(definition: CommandDefinition, options: ProgramOptions): Command {
  const command = addSharedOptions(definition.declare());
  for (const below of definition.commands ?? []) command.addCommand(buildCommand(below, options));
  command.addHelpText('after', `\nExamples:\n${definition.examples.map((line) => `  ${line}`).join('\n')}`);
  command.action(async () => {
    await options.invoke(definition, command.processedArgs, command.optsWithGlobals());
  });
  return command;
}

/** They may stand before or after the name of the command. */
function addSharedOptions(command: Command): Command {
  return command
    .option('--json', 'print one JSON document on standard output, and nothing else there')
    .option('--debug', 'show where a fault of the agent happened')
    .helpOption('-h, --help', 'show this help');
}
