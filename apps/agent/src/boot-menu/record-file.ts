import { mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '@bowline/host';

/**
 * Makes a file of fixed size, durably, or brings one that is there to that size. A power cut on the way leaves one that
 * says nothing yet. FAT has no rename that survives every power cut (for a moment two names share the same clusters), so
 * files that decide something are made blank and then filled in place.
 */
export async function makeBlank(path: string, blank: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const handle = await open(path, 'w', 0o600);
  try {
    await handle.writeFile(blank);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncFolder(dirname(path));
}

/** Writes over a file from its start, durably; its size stays. One sector is written whole or not at all. */
export async function fillInPlace(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    const { size } = await handle.stat();
    if (size !== bytes.length) throw new Error(`${path} has ${size} bytes instead of ${bytes.length}`);
    for (let done = 0; done < bytes.length; ) {
      done += (await handle.write(bytes, done, bytes.length - done, done)).bytesWritten;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes a file durably. What it said is gone first: of a name with several directory slots a part may survive. */
export async function removeRecord(path: string, blank: Uint8Array): Promise<void> {
  await fillInPlace(path, blank).catch(() => undefined);
  await rm(path, { force: true });
  await syncFolder(dirname(path));
}
