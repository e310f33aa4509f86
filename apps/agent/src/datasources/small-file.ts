import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Machine } from '../machine/machine.ts';
import { MAX_USERDATA_BYTES } from './datasource.ts';
import { sourceFailed } from './failure.ts';

/** A file of the machine; undefined when it is missing or no regular file. Throws DATASOURCE_FAILED when it is too large. */
export async function readSmallFile(machine: Machine, path: string): Promise<Uint8Array | undefined> {
  // O_NONBLOCK: opening a pipe without a writer would wait for ever.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK;
  const handle = await open(machine.locate(path), flags).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) return undefined;
    if (stats.size > MAX_USERDATA_BYTES) {
      const message = `${path} has ${stats.size} bytes; user data may have ${MAX_USERDATA_BYTES}.`;
      throw sourceFailed(message, 'Give a smaller file.');
    }
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}
