import { chmod, cp, lchown, lstat, mkdir, readdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder, withScratchFolder } from '@bowline/host';
import type { Machine } from '../machine/machine.ts';
import { openUserFolder } from './anchored-folder.ts';

/** Who a new home folder is for. */
export interface HomeOwner {
  uid: number;
  gid: number;
  home: string;
}

/**
 * Makes a home folder with the files of the skeleton, all of them the user's; it appears when it is complete. A folder
 * that exists is left as it is, but for one of root's directly below the folder of the homes, made by an earlier step:
 * that one is given to the user, without what is in it. Says what it did.
 */
export async function makeHome(
  machine: Machine,
  owner: HomeOwner,
  from: { skeleton: string; mode: number; homeFolder: string },
): Promise<'made' | 'given' | 'kept' | 'foreign'> {
  const path = machine.locate(owner.home);
  const stats = await lstat(path).catch(() => undefined);
  if (stats !== undefined) {
    if (stats.uid === owner.uid) return 'kept';
    const isPrepared = stats.isDirectory() && stats.uid === 0 && dirname(owner.home) === from.homeFolder;
    if (!isPrepared) return 'foreign';
    await lchown(path, owner.uid, owner.gid);
    return 'given';
  }
  const parent = dirname(path);
  await mkdir(parent, { recursive: true });
  // Root writes there now: a folder that somebody else could exchange for a link would lead it anywhere.
  await (await openUserFolder(machine, dirname(owner.home), 0))?.close();
  await withScratchFolder(parent, async (scratch) => {
    const complete = join(scratch, 'home');
    await mkdir(complete);
    await cp(machine.locate(from.skeleton), complete, { recursive: true, verbatimSymlinks: true }).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      },
    );
    await giveTree(complete, owner);
    await chmod(complete, from.mode);
    await rename(complete, path);
  });
  await syncFolder(parent);
  return 'made';
}

async function giveTree(path: string, owner: HomeOwner): Promise<void> {
  const stats = await lstat(path);
  if (stats.isDirectory()) for (const name of await readdir(path)) await giveTree(join(path, name), owner);
  await lchown(path, owner.uid, owner.gid);
}
