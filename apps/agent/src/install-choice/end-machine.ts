import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { runProgram } from '../machine/run-program.ts';

/**
 * Restarts the machine or switches it off, in the way its init wants it. Returns when that has begun.
 * Throws AgentError PROGRAM_MISSING | STEP_FAILED.
 */
export async function endMachine(machine: Machine, how: 'reboot' | 'poweroff'): Promise<void> {
  for (const [name, args] of [
    ['systemctl', ['--no-block', how]],
    [how, []],
  ] as const) {
    if ((await machine.program(name)) !== undefined) return void (await runProgram(machine, name, args));
  }
  throw new AgentError({
    code: 'PROGRAM_MISSING',
    message: `this system has no ${how}`,
    hint: 'Press the power button.',
  });
}
