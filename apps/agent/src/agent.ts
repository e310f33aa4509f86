import type { Host } from '@bowline/host';
import { COMMANDS, type CommandEntry } from './commands/all.ts';
import type { CommandContext, Outcome } from './commands/command.ts';
import { AgentError } from './error.ts';
import { exitCodeOf } from './exit-codes.ts';
import { errorDocument, failureText } from './output.ts';

/** Everything around one run of the command line. */
export interface AgentWorld {
  /** What touches the world, or what makes it when a command was chosen. */
  host: Host | (() => Promise<Host>);
  cwd: string;
  version: string;
  /** Folder that stands for the machine; `/` on a machine. */
  root: string;
  signal: AbortSignal;
  stdout: (text: string) => Promise<void>;
  stderr: (text: string) => Promise<void>;
  /** Whether a journal reads standard error: lines then begin with their priority, as in sd-daemon(3). */
  journal?: boolean;
}

/** Runs one command line (without the program's name) and returns the exit code. Never throws, never exits. */
export async function runAgent(argv: readonly string[], world: AgentWorld): Promise<number> {
  const options = optionsOf(argv);
  // Known before parsing, because a command line that does not parse must be told as JSON, too.
  const json = options.includes('--json');
  try {
    const outcome = await runCommandLine(argv, world, json);
    const text = json ? `${JSON.stringify(outcome.json, undefined, 2)}\n` : outcome.text.replace(/\n*$/, '\n');
    if (text !== '\n') await world.stdout(text);
    return outcome.exitCode ?? 0;
  } catch (thrown) {
    const error = world.signal.aborted ? interrupted(thrown) : thrown;
    if (json) await world.stdout(`${JSON.stringify(errorDocument(error), undefined, 2)}\n`);
    await world.stderr(failureText(error, { stack: options.includes('--debug') }));
    return exitCodeOf(error);
  }
}

async function runCommandLine(argv: readonly string[], world: AgentWorld, json: boolean): Promise<Outcome> {
  const words = optionsOf(argv).filter((word) => !word.startsWith('-'));
  const [first, second] = words;
  if (first === undefined || first === 'help') {
    if (optionsOf(argv).some((word) => ['-V', '-v', '--version'].includes(word))) {
      return { text: world.version, json: { version: world.version } };
    }
    if (second === undefined) return shortHelp(world.version);
    return await parseAndRun(await findCommand(second), [second, '--help'], world, json);
  }
  return await parseAndRun(await findCommand(first), argv, world, json);
}

async function parseAndRun(
  entry: CommandEntry,
  argv: readonly string[],
  world: AgentWorld,
  json: boolean,
): Promise<Outcome> {
  const [{ buildProgram, parserComplaint }, definition] = await Promise.all([import('./program.ts'), entry.load()]);
  let help = '';
  let outcome: Outcome | undefined;
  const program = buildProgram(definition, {
    writeHelp: (text) => {
      help += text;
    },
    invoke: async (chosen, args, options) => {
      outcome = await chosen.run(args, options, await makeContext(world, json));
    },
  });
  for (const alias of entry.aliases ?? []) program.commands[0]?.alias(alias);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    const complaint = parserComplaint(error);
    if (complaint === undefined) throw error;
    if (!complaint.isHelp) {
      const hint = complaint.hint || `See \`bowline-agent help ${entry.name}\`.`;
      throw new AgentError({ code: 'USAGE', message: complaint.message, hint });
    }
  }
  return outcome ?? { text: help, json: { help } };
}

async function makeContext(world: AgentWorld, json: boolean): Promise<CommandContext> {
  const [host, { NodeMachine }] = await Promise.all([
    typeof world.host === 'function' ? world.host() : world.host,
    import('./machine/node-machine.ts'),
  ]);
  return {
    host,
    machine: new NodeMachine({ host, root: world.root, signal: world.signal }),
    signal: world.signal,
    cwd: world.cwd,
    version: world.version,
    json,
    // Priorities are for the journal, not for eyes.
    say: (line) => void world.stderr(`${world.journal === true ? line : line.replace(/^<[0-7]>/, '')}\n`),
  };
}

async function findCommand(name: string): Promise<CommandEntry> {
  const entry = COMMANDS.find((candidate) => candidate.name === name || candidate.aliases?.includes(name));
  if (entry !== undefined) return entry;
  const { nearestWord } = await import('@bowline/spec');
  const likely = nearestWord(
    name,
    COMMANDS.map((candidate) => candidate.name),
  );
  throw new AgentError({
    code: 'USAGE',
    message: `there is no command "${name}"`,
    hint: `${likely === undefined ? '' : `Did you mean "${likely}"? `}Commands: ${COMMANDS.map((candidate) => candidate.name).join(', ')}.`,
  });
}

/** Made from the table alone: nothing is loaded for it. */
function shortHelp(version: string): Outcome {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  const text = [
    `bowline-agent ${version}: configures this machine.`,
    '',
    'Usage: bowline-agent COMMAND [options]',
    '',
    ...lines,
    '',
    'Every command has --help, with examples, and --json.',
  ].join('\n');
  return { text, json: { version, commands: COMMANDS.map(({ name, summary }) => ({ name, summary })) } };
}

/** The words before `--`: everything behind it is an argument. */
function optionsOf(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end < 0 ? argv : argv.slice(0, end);
}

function interrupted(error: unknown): unknown {
  return exitCodeOf(error) === 130
    ? error
    : Object.assign(new Error('interrupted'), { name: 'AbortError', code: 'ABORTED' });
}
