import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

/** Whose files there are. */
export interface OwnerScan {
  uids: Set<number>;
  gids: Set<number>;
  /** Files and folders looked at. */
  files: number;
  /** False when the limit was reached, or something could not be read: then there may be more owners. */
  complete: boolean;
}

const MAX_FILES = 20_000_000;

/**
 * Collects the owners of everything below some folders. Links are not followed, other file systems (mounted volumes,
 * snapshots of containers) not entered. Folders that are missing have no files.
 */
export async function scanOwners(
  folders: readonly string[],
  options: { maxFiles?: number; signal?: AbortSignal } = {},
): Promise<OwnerScan> {
  const scan: OwnerScan = { uids: new Set(), gids: new Set(), files: 0, complete: true };
  const limit = options.maxFiles ?? MAX_FILES;
  for (const folder of folders) {
    const stats = await lstat(folder).catch(() => undefined);
    if (stats === undefined) continue;
    note(scan, stats);
    if (stats.isDirectory()) await scanFolder(scan, folder, stats.dev, limit, options.signal);
  }
  return scan;
}

async function scanFolder(
  scan: OwnerScan,
  top: string,
  device: number,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const pending = [top];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    signal?.throwIfAborted();
    const entries = await opendir(folder).catch(() => undefined);
    if (entries === undefined) {
      scan.complete = false;
      continue;
    }
    for await (const entry of entries) {
      if (scan.files >= limit) {
        scan.complete = false;
        return;
      }
      const path = join(folder, entry.name);
      const stats = await lstat(path).catch(() => undefined);
      // Gone meanwhile.
      if (stats === undefined) continue;
      note(scan, stats);
      if (stats.isDirectory() && stats.dev === device) pending.push(path);
    }
  }
}

function note(scan: OwnerScan, stats: { uid: number; gid: number }): void {
  scan.uids.add(stats.uid);
  scan.gids.add(stats.gid);
  scan.files += 1;
}
