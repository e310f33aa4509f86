import { HostError, type ProcessResult, type ProcessSpec } from '@bowline/host';
import { AgentError } from '../error.ts';
import { oneLine, stepFailed } from '../step-error.ts';
import type { Machine } from './machine.ts';

const DEFAULT_TIMEOUT_MS = 90_000;

/** How a program of the machine is run. */
export interface ProgramOptions
  extends Partial<Pick<ProcessSpec, 'env' | 'cwd' | 'stdin' | 'okExitCodes' | 'timeoutMs' | 'maxCaptureBytes'>> {
  /** What to do where the program does not exist. */
  missingHint?: string;
  /** Leave out what the program said: it may repeat secrets. */
  keepQuiet?: boolean;
  /** Says in our words what standard error means, instead of repeating its last line. */
  explain?: (stderr: string) => string | undefined;
}

/**
 * Runs a program of the machine by its name. Throws AgentError PROGRAM_MISSING | STEP_TIMEOUT, and STEP_FAILED with the
 * first argument, the exit code and the last line of standard error; other arguments never show.
 */
export async function runProgram(
  machine: Machine,
  name: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProcessResult> {
  const { missingHint, keepQuiet, explain, ...spec } = options;
  const program = await machine.program(name);
  if (program === undefined) throw programMissing(name, missingHint);
  try {
    return await machine.processes.run({
      timeoutMs: DEFAULT_TIMEOUT_MS,
      ...spec,
      argv: [program, ...args],
      signal: machine.signal,
    });
  } catch (error) {
    const verb = args.find((argument) => /^[a-z][a-z-]*$/.test(argument));
    const say = explain ?? (keepQuiet ? () => undefined : lastLine);
    throw explainProgramError(error, verb === undefined ? name : `${name} ${verb}`, say);
  }
}

/** PROGRAM_MISSING: the base of the image does not have it. */
export function programMissing(name: string, hint?: string): AgentError {
  return new AgentError({
    code: 'PROGRAM_MISSING',
    message: `this system has no ${name}`,
    hint: hint ?? `Add the package that has ${name} to packages: of the bowl.`,
  });
}

/** What became of a program, without its arguments, which messages of the system would repeat. */
export function explainProgramError(
  error: unknown,
  title: string,
  say: (stderr: string) => string | undefined = () => undefined,
): AgentError {
  if (!(error instanceof HostError)) return stepFailed(`${title} could not be run`);
  if (error.code === 'PROCESS_TIMEOUT' || error.code === 'ABORTED') {
    return new AgentError({ code: 'STEP_TIMEOUT', message: `${title} did not end in time and was stopped` });
  }
  if (error.code !== 'PROCESS_FAILED') return stepFailed(`${title} could not be run`);
  const { exitCode, signal, stderrTail } = error.details ?? {};
  const how = typeof signal === 'string' ? `signal ${signal}` : `exit code ${String(exitCode)}`;
  const words = typeof stderrTail === 'string' ? say(stderrTail) : undefined;
  return stepFailed(`${title} failed with ${how}${words ? `: ${words}` : ''}`);
}

function lastLine(text: string): string {
  return oneLine(text.trim().split('\n').at(-1) ?? '', 200);
}
