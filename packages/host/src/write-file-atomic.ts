import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { explainDiskFull } from './error.ts';
import { temporaryName } from './temporary-names.ts';

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Replaces a file so that a reader, or a machine that loses power, sees the old one or the new one, never half.
 * The mode does not depend on the umask. Throws HostError DISK_FULL.
 */
export async function writeFileAtomic(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, temporaryName('tmp', `-${basename(path)}`));
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.chmod(mode);
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw explainDiskFull(error, folder);
  }
  await syncFolder(folder);
}
