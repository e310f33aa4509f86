import type { Machine } from '../machine/machine.ts';
import { programMissing, runProgram } from '../machine/run-program.ts';

const TIMEOUT_MS = 60_000;

/** Restarts the machine, or switches it off, through the init of the base. Throws AgentError PROGRAM_MISSING | STEP_FAILED. */
export async function endMachine(machine: Machine, how: 'reboot' | 'poweroff'): Promise<void> {
  const calls: [name: string, ...args: string[]][] = [
    ['systemctl', how],
    ['openrc-shutdown', how === 'reboot' ? '-r' : '-p', 'now'],
    [how],
  ];
  for (const [name, ...args] of calls) {
    if ((await machine.program(name)) === undefined) continue;
    await runProgram(machine, name, args, { timeoutMs: TIMEOUT_MS });
    return;
  }
  throw programMissing(how);
}
