import type { Host, Progress } from '@bowline/host';
import { type Command, InvalidArgumentError } from 'commander';

/** What a command gets besides its arguments and options. */
export interface CommandContext {
  host: Host;
  progress: Progress;
  signal: AbortSignal;
  /** Folder relative paths start at. */
  cwd: string;
  /** Folder of the project: ready bowls and tests are below it. */
  projectFolder: string;
  cacheFolder: string;
  /** True when standard output is for exactly one JSON document. */
  json: boolean;
  terminal: Terminal;
  /** Removes the live view from the terminal, so that something else can use it. */
  closeProgress: () => void;
  /** Writes a line to standard error, unless quiet. */
  say: (line: string) => void;
  /** The whole command line definition, for completion and reference. */
  program: () => Command;
}

/** Standard streams, as far as a command uses them by itself. */
export interface Terminal {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
}

/** What a command leaves: text for people, the same as data, and its exit code where it has one of its own. */
export interface Outcome {
  /** Printed on standard output; a line end is added. Empty prints nothing. */
  text: string;
  /** Printed instead with `--json`. */
  json: unknown;
  /** Printed as it is, before the text. */
  bytes?: Uint8Array | undefined;
  exitCode?: number | undefined;
}

/** One command: how it is called, examples of it, and what it does. */
export interface CommandDefinition {
  /** Makes the command with its arguments and options. */
  declare: () => Command;
  /** Whole command lines; each must parse. */
  examples: readonly string[];
  run: (args: readonly unknown[], options: Record<string, unknown>, context: CommandContext) => Promise<Outcome>;
}

/** A command that only groups others, such as `store export`. */
export interface CommandGroup {
  declare: () => Command;
  examples: readonly string[];
  commands: readonly CommandDefinition[];
}

/** Gives a command's arguments and options the types that its declaration makes them have. */
export function defineCommand<Args extends readonly unknown[], Options>(definition: {
  declare: () => Command;
  examples: readonly string[];
  run: (args: Args, options: Options, context: CommandContext) => Promise<Outcome>;
}): CommandDefinition {
  return {
    declare: definition.declare,
    examples: definition.examples,
    // Commander has checked number and choices, and its parsers made the values.
    run: (args, options, context) => definition.run(args as unknown as Args, options as Options, context),
  };
}

/** An option parser for whole numbers of a range. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

const SIZE_UNITS: Record<string, number> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** An option parser for sizes such as `2G`, `512 MiB` or plain bytes; the result is bytes. */
export function byteSize(text: string): number {
  const match = /^([0-9]{1,12}(?:\.[0-9]{1,3})?) ?([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  const bytes = Math.floor(Number(match?.[1]) * (SIZE_UNITS[match?.[2]?.toLowerCase() ?? ''] ?? Number.NaN));
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new InvalidArgumentError('It must be a size such as 512M or 2G.');
}

/** An option parser for seconds; the result is milliseconds. */
export function seconds(text: string): number {
  const value = /^[0-9]{1,7}(\.[0-9]{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (value > 0) return value * 1000;
  throw new InvalidArgumentError('It must be a number of seconds.');
}
