import type { Prompter, TerminalStreams } from './prompter.ts';

/** Terminals that print lines, and take no orders about cursor or colour. */
const PLAIN = new Set(['', 'dumb', 'unknown', 'network', 'teletype', 'emacs']);

/** Whether a terminal can move its cursor; vt100, vt220 and linux can, a serial line without TERM cannot be trusted to. */
export function canMoveCursor(output: TerminalStreams['output'], term: string | undefined): boolean {
  return output.isTTY === true && !PLAIN.has(term ?? '');
}

/** A serial line does not know how large the terminal at its other end is, and says 0: 80 by 24 is what fits everywhere. */
function assumeSize(output: TerminalStreams['output']): void {
  if (!output.columns) output.columns = 80;
  if (!output.rows) output.rows = 24;
}

/** Questions as this terminal can ask them. */
export async function prompterFor(
  streams: TerminalStreams,
  term: string | undefined,
  signal: AbortSignal,
): Promise<Prompter> {
  assumeSize(streams.output);
  if (canMoveCursor(streams.output, term)) return (await import('./clack-prompter.ts')).clackPrompter(streams, signal);
  return (await import('./plain-prompter.ts')).plainPrompter(streams, signal);
}
