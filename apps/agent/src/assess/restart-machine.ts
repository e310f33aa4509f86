import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Machine } from '../machine/machine.ts';
import { runProgram } from '../machine/run-program.ts';
import { hasSystemd } from './systemctl.ts';

/** Time to go down in order; a unit that does not stop takes 90 s by default. */
const GRACE_MS = 150_000;
/** Sync, remount read-only, restart at once (Linux, sysrq.rst). */
const KEYS = ['s', 'u', 'b'];
const KEY_PAUSE_MS = 2000;

/**
 * Restarts the machine: by its init, and when it still runs a while later, at once. Ends when the machine goes down and stops
 * the agent with all others; the initrd's own clock restarts a machine where even this hangs.
 */
export async function restartMachine(machine: Machine, graceMs = GRACE_MS, keyPauseMs = KEY_PAUSE_MS): Promise<void> {
  for (const [name, ...args] of (await hasSystemd(machine)) ? [['systemctl', 'reboot'], ['reboot']] : [['reboot']]) {
    const asked = await runProgram(machine, name ?? '', args, { timeoutMs: 30_000 }).then(
      () => true,
      () => false,
    );
    if (asked) break;
  }
  try {
    await delay(graceMs, undefined, { signal: machine.signal });
    for (const key of KEYS) {
      await writeFile(machine.locate('/proc/sysrq-trigger'), key, { flag: 'r+' }).catch(() => undefined);
      await delay(keyPauseMs, undefined, { signal: machine.signal });
    }
  } catch {
    // It goes down.
  }
}
