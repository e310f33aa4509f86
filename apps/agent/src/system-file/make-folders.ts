import { chmod, chown, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Owner } from '../ownership/owner.ts';

/** Makes what is missing of a folder and its parents; folders that exist are left as they are. True when it made any. */
export async function makeFolders(path: string, mode: number, owner: Owner): Promise<boolean> {
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  if (exists || path === dirname(path)) return false;
  await makeFolders(dirname(path), mode, owner);
  await mkdir(path);
  // In this order: a change of owner clears the set-id bits.
  await chown(path, owner.uid, owner.gid);
  await chmod(path, mode);
  return true;
}

/**
 * Mode of the folders that a file needs: whoever may read the file may enter, nobody else. A private file gets private
 * folders (0600 gives 0700), a public one public folders (0644 gives 0755).
 */
export function folderModeFor(fileMode: number): number {
  const readers = (fileMode & 0o444) >> 2;
  return 0o700 | (fileMode & 0o777) | readers;
}
