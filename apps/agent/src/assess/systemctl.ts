import { access } from 'node:fs/promises';
import type { Machine } from '../machine/machine.ts';
import { runProgram } from '../machine/run-program.ts';

/** What systemctl may end with: it has codes for states. */
const ANY_STATE = [0, 1, 2, 3, 4];
const TIMEOUT_MS = 30_000;

/** True when systemd is the service manager and runs (sd_booted(3)). */
export async function hasSystemd(machine: Machine): Promise<boolean> {
  if ((await machine.program('systemctl')) === undefined) return false;
  return access(machine.locate('/run/systemd/system')).then(
    () => true,
    () => false,
  );
}

/** Asks systemctl; the answer without the last line break, whatever it ended with. Throws AgentError as `runProgram`. */
export async function askSystemctl(machine: Machine, ...words: readonly string[]): Promise<string> {
  const options = { okExitCodes: ANY_STATE, timeoutMs: TIMEOUT_MS };
  return new TextDecoder().decode((await runProgram(machine, 'systemctl', words, options)).stdout).trimEnd();
}
