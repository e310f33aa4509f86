import { chmod, lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, explainDiskFull } from './error.ts';
import { sweepTemporaries, temporaryName } from './temporary-names.ts';

/** Removes a tree; folders without write permission (some packages have them) are opened first. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    if (errnoOf(error) !== 'EACCES' && errnoOf(error) !== 'EPERM') throw error;
    await openFolders(path);
    await rm(path, { recursive: true, force: true });
  }
}

async function openFolders(path: string): Promise<void> {
  if (!(await lstat(path)).isDirectory()) return;
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await openFolders(join(path, entry.name));
  }
}

/**
 * Runs `fn` with a private empty folder below `parent`, and removes it on every path. What processes that were killed
 * left there is removed at the same time. `remove` is for trees with owners of their own. Throws HostError DISK_FULL.
 */
export async function withScratchFolder<T>(
  parent: string,
  fn: (folder: string) => Promise<T>,
  remove: (folder: string) => Promise<void> = removeTree,
): Promise<T> {
  await mkdir(parent, { recursive: true });
  await sweepTemporaries(parent, remove);
  const folder = join(parent, temporaryName('scratch'));
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    throw explainDiskFull(error, parent);
  });
  try {
    return await fn(folder);
  } catch (error) {
    throw explainDiskFull(error, parent);
  } finally {
    await remove(folder);
  }
}
