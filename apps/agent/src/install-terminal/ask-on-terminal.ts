import { AgentError } from '../error.ts';
import { machineEngine } from '../install-choice/engine.ts';
import type { Machine } from '../machine/machine.ts';
import { installInTerminal, type TerminalOutcome } from './install-in-terminal.ts';
import { paintedProgress, plainProgress } from './progress-line.ts';
import type { TerminalStreams } from './prompter.ts';
import { canMoveCursor, prompterFor } from './terminal.ts';

/** Whether somebody can be asked: both ends of the terminal are one. */
export function isTerminal(): boolean {
  return process.stdin.isTTY && process.stdout.isTTY;
}

/** Installs this machine by questions on the terminal of this process; see {@link installInTerminal}. */
export async function askOnTerminal(
  machine: Machine,
  options: { cwd: string; term: string | undefined },
): Promise<TerminalOutcome> {
  if (process.getuid?.() !== 0) {
    throw new AgentError({ code: 'NOT_ROOT', message: 'only root may install', hint: 'Run it as root.' });
  }
  const streams: TerminalStreams = { input: process.stdin, output: process.stdout };
  const prompter = await prompterFor(streams, options.term, machine.signal);
  const progress = canMoveCursor(streams.output, options.term)
    ? paintedProgress(process.stdout, () => performance.now())
    : plainProgress(process.stdout);
  return installInTerminal({ machine, engine: machineEngine(machine), prompter, cwd: options.cwd, progress });
}
