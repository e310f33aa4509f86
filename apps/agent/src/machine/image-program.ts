import type { LifecycleHook } from '@bowline/spec';
import { oneLine } from '../step-error.ts';
import type { Machine } from './machine.ts';
import { explainProgramError, programMissing } from './run-program.ts';

const MAX_TITLE = 80;

/**
 * Runs a program that the bowl names, a check or a hook, in the root folder; what it prints on standard output goes nowhere.
 * Throws AgentError PROGRAM_MISSING | STEP_TIMEOUT, and STEP_FAILED with its title, how it ended and its last words.
 */
export async function runImageProgram(machine: Machine, program: LifecycleHook): Promise<void> {
  const [name = '', ...args] = program.argv;
  const path = name.startsWith('/') ? machine.locate(name) : await machine.program(name);
  if (path === undefined) throw programMissing(name);
  try {
    await machine.processes.run({
      argv: [path, ...args],
      name: programTitle(program),
      cwd: machine.locate('/'),
      env: { TZ: ':/etc/localtime' },
      stdout: { kind: 'chunks', onChunk: () => undefined },
      timeoutMs: program.timeoutSeconds * 1000,
      signal: machine.signal,
    });
  } catch (error) {
    throw explainProgramError(error, programTitle(program), (stderr) =>
      oneLine(stderr.trim().split('\n').at(-1) ?? '', 200),
    );
  }
}

/** What messages call a program of the bowl: its words, or the line for the shell. They are public, as all of the image. */
export function programTitle({ argv }: Pick<LifecycleHook, 'argv'>): string {
  const [shell, flag, line] = argv;
  const isLine = shell === '/bin/sh' && flag === '-c' && line !== undefined && argv.length === 3;
  return oneLine(isLine ? line : argv.join(' '), MAX_TITLE);
}
