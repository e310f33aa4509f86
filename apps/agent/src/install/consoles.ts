import { constants } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Machine } from '../machine/machine.ts';

const ACTIVE = '/sys/class/tty/console/active';
/** Never wait for somebody to plug in a cable. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_NOCTTY | constants.O_NONBLOCK;
/** A serial line takes about 11 bytes a millisecond. */
const PAUSE_MS = 50;
const MAX_PAUSES = 40;

/**
 * Writes lines to every console of the kernel: who stands at the screen sees as much as who listens at the serial port.
 * One that cannot be written is left out.
 */
export async function writeToConsoles(machine: Machine, line: string): Promise<void> {
  const names = (await readFile(machine.locate(ACTIVE), 'utf8').catch(() => '')).trim().split(/\s+/);
  const bytes = Buffer.from(`${line.replaceAll('\n', '\r\n')}\r\n`);
  for (const name of names.filter((one) => /^[A-Za-z0-9]+$/.test(one))) {
    // tty0 is the screen that is shown now. Where there is no such device, no file appears.
    const handle = await open(machine.locate(join('/dev', name)), FLAGS).catch(() => undefined);
    if (handle === undefined) continue;
    await writeAll(handle, bytes).catch(() => undefined);
    await handle.close().catch(() => undefined);
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let pauses = 0;
  for (let done = 0; done < bytes.length; ) {
    try {
      done += (await handle.write(bytes, done)).bytesWritten;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || (pauses += 1) > MAX_PAUSES) throw error;
      await setTimeout(PAUSE_MS);
    }
  }
}
