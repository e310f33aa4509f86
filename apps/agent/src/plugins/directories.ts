import { chmod, chown, stat } from 'node:fs/promises';
import type { Machine } from '../machine/machine.ts';
import { type Owner, resolveOwner } from '../ownership/owner.ts';
import { oneLine, stepFailed } from '../step-error.ts';
import { explainFileError, refuseBadPath } from '../system-file/link-target.ts';
import { makeFolders } from '../system-file/make-folders.ts';
import { definePlugin } from './plugin.ts';

const DEFAULT_MODE = 0o755;

/**
 * Makes folders. Parents that are missing are made alike, parents that exist are left alone; the folder itself gets mode
 * and owner even if it exists.
 */
export const directories = definePlugin({
  key: 'directories',
  actions: (config) =>
    config.map((directory) => {
      const mode = directory.permissions ?? DEFAULT_MODE;
      return {
        summary: `make folder ${oneLine(directory.path)} (0${mode.toString(8)})`,
        run: async (machine: Machine) => {
          refuseBadPath(directory.path);
          const owner = await resolveOwner(machine, directory);
          try {
            return { changed: await ensureFolder(machine.locate(directory.path), directory.path, mode, owner) };
          } catch (error) {
            throw explainFileError(error, directory.path);
          }
        },
      };
    }),
});

async function ensureFolder(at: string, path: string, mode: number, owner: Owner): Promise<boolean> {
  // Without its last slash: /a/ and /a are one folder.
  if (await makeFolders(at.replace(/(?<=.)\/+$/, ''), mode, owner)) return true;
  const stats = await stat(at);
  if (!stats.isDirectory())
    throw stepFailed(`${path} exists and is no folder`, 'Remove it first; nothing was changed.');
  const isOwned = stats.uid === owner.uid && stats.gid === owner.gid;
  if (!isOwned) await chown(at, owner.uid, owner.gid);
  if (isOwned && (stats.mode & 0o7777) === mode) return false;
  await chmod(at, mode);
  return true;
}
