import type { Host } from '@bowline/host';
import type { Command } from 'commander';
import type { Machine } from '../machine/machine.ts';

/** What a command gets besides its arguments and options. */
export interface CommandContext {
  host: Host;
  machine: Machine;
  signal: AbortSignal;
  /** Folder relative paths start at. */
  cwd: string;
  /** Version of the agent. */
  version: string;
  /** True when standard output is for exactly one JSON document. */
  json: boolean;
  /** Writes a line to standard error. */
  say: (line: string) => void;
}

/** What a command leaves: text for people, the same as data, and its exit code where it has one of its own. */
export interface Outcome {
  /** Printed on standard output; a line end is added. Empty prints nothing. */
  text: string;
  /** Printed instead with `--json`. */
  json: unknown;
  exitCode?: number | undefined;
}

/** One command: how it is called, examples of it, and what it does. */
export interface CommandDefinition {
  /** Makes the command with its arguments and options. */
  declare: () => Command;
  /** Whole command lines; each must parse. */
  examples: readonly string[];
  run: (args: readonly unknown[], options: Record<string, unknown>, context: CommandContext) => Promise<Outcome>;
  /** Commands below this one, such as `config get`. */
  commands?: readonly CommandDefinition[];
}

/** Gives a command's arguments and options the types that its declaration makes them have. */
export function defineCommand<Args extends readonly unknown[], Options>(definition: {
  declare: () => Command;
  examples: readonly string[];
  run: (args: Args, options: Options, context: CommandContext) => Promise<Outcome>;
  commands?: readonly CommandDefinition[];
}): CommandDefinition {
  return {
    declare: definition.declare,
    examples: definition.examples,
    // Commander has checked number and choices, and its parsers made the values.
    run: (args, options, context) => definition.run(args as unknown as Args, options as Options, context),
    ...(definition.commands === undefined ? {} : { commands: definition.commands }),
  };
}
