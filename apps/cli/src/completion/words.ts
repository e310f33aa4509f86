import type { Command, Option } from 'commander';

/** What can stand at one place of the command line. */
export interface CommandWords {
  /** Words that lead here, without the program: `store export`. */
  path: readonly string[];
  description: string;
  commands: readonly { name: string; description: string }[];
  options: readonly OptionWords[];
  /** Values of the first argument, where they are known. */
  choices: readonly string[];
  /** True when arguments may be files. */
  takesFiles: boolean;
}

/** One option as completion needs it. */
export interface OptionWords {
  flags: readonly string[];
  description: string;
  takesValue: boolean;
  choices: readonly string[];
}

/** Every command with its words, the program itself first, read from the very definition that parses. */
export function collectWords(program: Command): CommandWords[] {
  const found: CommandWords[] = [];
  const visit = (command: Command, path: readonly string[]) => {
    const [argument] = command.registeredArguments;
    found.push({
      path,
      description: command.summary() || command.description(),
      commands: command
        .createHelp()
        .visibleCommands(command)
        .map((child) => ({
          name: child.name(),
          description: child.summary() || child.description(),
        })),
      options: command.createHelp().visibleOptions(command).map(optionWords),
      choices: argument?.argChoices ?? [],
      takesFiles: argument !== undefined && argument.argChoices === undefined,
    });
    for (const child of command.commands) visit(child, [...path, child.name()]);
  };
  visit(program, []);
  return found;
}

function optionWords(option: Option): OptionWords {
  return {
    flags: [option.short, option.long].filter((flag) => flag !== undefined),
    description: option.description,
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
  };
}
