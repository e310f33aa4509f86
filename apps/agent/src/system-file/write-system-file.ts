import { chmod, chown, open, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncFolder, withScratchFolder } from '@bowline/host';
import type { Machine } from '../machine/machine.ts';
import type { Owner } from '../ownership/owner.ts';
import { explainFileError, type FileTarget, findFileTarget } from './link-target.ts';
import { folderModeFor, makeFolders } from './make-folders.ts';

/** Files that are the kernel itself: there is nothing to rename, and mode and owner are not ours to choose. */
const KERNEL_FILE = /^\/(proc|sys)\//;

/** What a file of the machine shall be like. */
export interface FileAttributes {
  mode: number;
  owner: Owner;
}

/**
 * Brings a file of the machine to this content, mode and owner; says whether anything had to change. Missing parents are
 * made. Readers see the old file or the new one, never half; a file that differs in mode or owner only keeps its bytes.
 * A link is followed to its file. Throws AgentError STEP_FAILED.
 */
export async function writeSystemFile(
  machine: Machine,
  path: string,
  content: string | Uint8Array,
  attributes: FileAttributes,
): Promise<boolean> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const target = await findFileTarget(machine, path);
  try {
    if (target.stats !== undefined && KERNEL_FILE.test(path)) return await writeKernelFile(target, bytes);
    if (await holds(target, bytes)) return await applyAttributes(target, attributes);
    const folder = dirname(target.path);
    await makeFolders(folder, folderModeFor(attributes.mode), attributes.owner);
    await withScratchFolder(folder, async (scratch) => {
      const temporary = join(scratch, basename(target.path));
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await moveIntoPlace(temporary, target, attributes);
    });
    return true;
  } catch (error) {
    throw explainFileError(error, path);
  }
}

/** Gives a finished file its owner and mode and renames it over its target; both are on one file system. */
export async function moveIntoPlace(temporary: string, target: FileTarget, attributes: FileAttributes): Promise<void> {
  // In this order: a change of owner clears the set-id bits.
  await chown(temporary, attributes.owner.uid, attributes.owner.gid);
  await chmod(temporary, attributes.mode);
  const file = await open(temporary, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await rename(temporary, target.path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    // The file is a mount point of its own, as container engines do with /etc/hosts: only its content can change.
    await overwrite(temporary, target, attributes);
  }
  await syncFolder(dirname(target.path));
}

/** Sets what differs of mode and owner; true when something did. */
export async function applyAttributes(target: FileTarget, attributes: FileAttributes): Promise<boolean> {
  const { stats } = target;
  const { owner, mode } = attributes;
  if (stats === undefined) return false;
  const isOwned = stats.uid === owner.uid && stats.gid === owner.gid;
  if (!isOwned) await chown(target.path, owner.uid, owner.gid);
  if (isOwned && (stats.mode & 0o7777) === mode) return false;
  await chmod(target.path, mode);
  return true;
}

async function writeKernelFile(target: FileTarget, bytes: Uint8Array): Promise<boolean> {
  const old = await readFile(target.path, 'utf8').catch(() => undefined);
  if (old?.trim() === Buffer.from(bytes).toString().trim()) return false;
  await writeFile(target.path, bytes);
  return true;
}

async function holds(target: FileTarget, bytes: Uint8Array): Promise<boolean> {
  if (target.stats === undefined || target.stats.size !== bytes.length) return false;
  return (await readFile(target.path)).equals(bytes);
}

async function overwrite(temporary: string, target: FileTarget, attributes: FileAttributes): Promise<void> {
  const bytes = await readFile(temporary);
  const file = await open(target.path, 'r+');
  try {
    await file.truncate(0);
    await file.write(bytes, 0, bytes.length, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await applyAttributes(target, attributes);
}
