import type { Host } from '@bowline/host';
import { CommanderError } from 'commander';
import type { CommandContext, Outcome, Terminal } from './command.ts';
import { COMMANDS } from './commands/all.ts';
import { CliError } from './error.ts';
import { exitCodeOf } from './exit-codes.ts';
import { errorDocument, failureText, hasColours, jsonText, outcomeBytes } from './output.ts';
import { cacheFolder } from './places.ts';
import { buildProgram, isHelpShown } from './program.ts';
import { linesProgress } from './progress/lines.ts';
import { silentProgress } from './progress/silent.ts';
import type { ProgressView } from './progress/task-state.ts';
import { treeProgress } from './progress/tree.ts';

/** Everything around one run of the command line. */
export interface CliWorld {
  host: Host;
  cwd: string;
  projectFolder: string;
  version: string;
  signal: AbortSignal;
  terminal: Terminal & { stderr: NodeJS.WriteStream };
}

/** Runs one command line (without the program's name) and returns the exit code. Never throws, never exits. */
export async function runCli(argv: readonly string[], world: CliWorld): Promise<number> {
  const { stdout, stderr } = world.terminal;
  // Needed before parsing, because a command line that does not parse must be told as JSON, too.
  const json = optionsOf(argv).includes('--json');
  const quiet = optionsOf(argv).includes('--quiet');
  const progress = quiet ? silentProgress((text) => stderr.write(text)) : chooseProgress(world);
  let exitCode = 0;
  let help = '';
  const finish = async (outcome: Outcome) => {
    progress.close();
    exitCode = outcome.exitCode ?? 0;
    await write(stdout, outcomeBytes(outcome, json));
  };
  const program = buildProgram(COMMANDS, {
    version: world.version,
    colours: !json && hasColours(stdout, world.host.env),
    writeHelp: (text) => {
      help += text;
    },
    invoke: async (definition, args, options) => {
      await finish(await definition.run(args, options, makeContext()));
    },
  });
  const makeContext = (): CommandContext => ({
    host: world.host,
    progress,
    signal: world.signal,
    cwd: world.cwd,
    projectFolder: world.projectFolder,
    cacheFolder: cacheFolder(world.host.env, world.cwd),
    json,
    terminal: world.terminal,
    closeProgress: () => progress.close(),
    say: (line) => {
      if (!quiet) stderr.write(`${line}\n`);
    },
    program: () => program,
  });
  try {
    if (argv.length === 0) throw new CliError({ code: 'USAGE', message: 'no command given', hint: usageHint() });
    await program.parseAsync(argv, { from: 'user' });
    if (help !== '') await finish({ text: help, json: { help } });
    return exitCode;
  } catch (thrown) {
    if (isHelpShown(thrown)) {
      await finish({ text: help, json: { help } });
      return 0;
    }
    progress.close();
    const error = world.signal.aborted ? interrupted(thrown) : explain(thrown);
    if (json) await write(stdout, Buffer.from(jsonText(errorDocument(error))));
    const stack = (world.host.env['BOWLINE_STACK'] ?? '') !== '';
    await write(stderr, Buffer.from(failureText(error, { colours: hasColours(stderr, world.host.env), stack })));
    return exitCodeOf(error);
  }
}

/** The words before `--`: everything behind it is an argument. */
function optionsOf(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end < 0 ? argv : argv.slice(0, end);
}

function chooseProgress(world: CliWorld): ProgressView {
  const { stderr } = world.terminal;
  const nowMs = () => performance.now();
  const write = (text: string) => void stderr.write(text);
  if (stderr.isTTY !== true || world.host.env['TERM'] === 'dumb') return linesProgress(write, nowMs);
  const size = () => ({ columns: stderr.columns || 80, rows: stderr.rows || 24 });
  return treeProgress({ write, size, colours: hasColours(stderr, world.host.env) }, nowMs);
}

/** The parser's own complaints, as an error of ours. */
function explain(error: unknown): unknown {
  if (!(error instanceof CommanderError)) return error;
  const [first = '', ...rest] = error.message.trim().split('\n');
  const isEmptyGroup = error.code === 'commander.help';
  return new CliError({
    code: 'USAGE',
    message: isEmptyGroup ? 'this command needs one of its subcommands' : first.replace(/^error: /, ''),
    hint: rest.join(' ').replace(/^\((.*)\)$/, '$1') || usageHint(),
  });
}

function usageHint(): string {
  return 'See `bowline --help`, or `bowline help COMMAND`.';
}

function interrupted(error: unknown): unknown {
  return exitCodeOf(error) === 130
    ? error
    : Object.assign(new Error('interrupted'), { name: 'AbortError', code: 'ABORTED' });
}

/** Resolves when the bytes are out, so that the program may exit. A reader that has gone away is no failure. */
async function write(stream: NodeJS.WriteStream, bytes: Uint8Array): Promise<void> {
  if (bytes.length === 0) return;
  await new Promise<void>((resolve) => {
    stream.write(bytes, () => resolve());
  });
}
