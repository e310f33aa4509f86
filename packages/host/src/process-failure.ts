import { basename } from 'node:path';
import { HostError } from './error.ts';
import type { ProcessSpec } from './processes.ts';

// The last one is xorriso's, which looks before it writes.
const DISK_FULL_TEXT = /no space left on device|disk quota exceeded|\bENOSPC\b|exceeds free space on media/i;
const MESSAGE_LINES = 3;
const MESSAGE_LINE_CHARACTERS = 300;

/** How a process ended when it was not by itself. */
export interface ProcessEnd {
  exitCode: number | null;
  signal: string | null;
  stderrTail: string;
}

function lastWords(stderrTail: string): string {
  const lines = stderrTail
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const kept = new Set(lines.slice(-MESSAGE_LINES));
  // The line that names the cause may be followed by a long clean-up log of the tool; it must not get lost.
  const cause = lines.find((line) => DISK_FULL_TEXT.test(line));
  const shown = cause === undefined || kept.has(cause) ? [...kept] : [cause, ...kept];
  return shown.map((line) => line.slice(0, MESSAGE_LINE_CHARACTERS)).join(' | ');
}

type Named = Pick<ProcessSpec, 'argv' | 'name'>;

/** What messages call a process. */
export function processName(spec: Named): string {
  return spec.name ?? basename(spec.argv[0]);
}

/** PROCESS_FAILED with argv, exit code, signal and the end of standard error. */
export function processFailed(spec: Named, end: ProcessEnd, cause?: unknown): HostError {
  const how = end.signal === null ? `exit code ${end.exitCode}` : `signal ${end.signal}`;
  const words = lastWords(end.stderrTail);
  const diskFull = DISK_FULL_TEXT.test(end.stderrTail);
  return new HostError({
    code: 'PROCESS_FAILED',
    message: `${processName(spec)} failed with ${how}${words === '' ? '' : `: ${words}`}`,
    hint: diskFull ? 'The disk is full: free some space, or choose another output or cache folder.' : undefined,
    details: { argv: spec.argv, exitCode: end.exitCode, signal: end.signal, stderrTail: end.stderrTail, diskFull },
    cause,
  });
}

/** PROCESS_TIMEOUT with what the process said last. */
export function processTimedOut(spec: Pick<ProcessSpec, 'argv' | 'name' | 'timeoutMs'>, stderrTail: string): HostError {
  const words = lastWords(stderrTail);
  return new HostError({
    code: 'PROCESS_TIMEOUT',
    message: `${processName(spec)} did not finish within ${spec.timeoutMs / 1000} s${words === '' ? '' : `: ${words}`}`,
    details: { argv: spec.argv, timeoutMs: spec.timeoutMs, stderrTail },
  });
}

/** PROCESS_NOT_FOUND for a program that is not on the search path. */
export function processNotFound(argv: readonly string[], searchPath: string): HostError {
  return new HostError({
    code: 'PROCESS_NOT_FOUND',
    message: `the program ${argv[0]} is not installed`,
    hint: `Install the package that has ${argv[0]}; it was looked for in ${searchPath}.`,
    details: { argv, searchPath },
  });
}

/** OUTPUT_TOO_LARGE for captured output beyond its limit. */
export function outputTooLarge(spec: Named, limitBytes: number): HostError {
  return new HostError({
    code: 'OUTPUT_TOO_LARGE',
    message: `${processName(spec)} wrote more than ${limitBytes} bytes`,
    details: { argv: spec.argv, limitBytes },
  });
}
