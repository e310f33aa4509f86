import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../machine/machine.ts';

const ACTIVE = '/sys/class/tty/console/active';

/**
 * Writes lines to every console of the kernel: who stands at the screen sees as much as who listens at the serial port.
 * One that cannot be written is left out.
 */
export async function writeToConsoles(machine: Machine, line: string): Promise<void> {
  const names = (await readFile(machine.locate(ACTIVE), 'utf8').catch(() => '')).trim().split(/\s+/);
  for (const name of names.filter((one) => /^[A-Za-z0-9]+$/.test(one))) {
    // tty0 is the screen that is shown now. 'r+': where there is no such device, no file appears.
    const handle = await open(machine.locate(join('/dev', name)), 'r+').catch(() => undefined);
    await handle?.write(`${line.replaceAll('\n', '\r\n')}\r\n`).catch(() => undefined);
    await handle?.close().catch(() => undefined);
  }
}
