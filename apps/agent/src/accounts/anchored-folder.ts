import type { Stats } from 'node:fs';
import { constants, type FileHandle, lstat, mkdir, open, readlink, rename, unlink } from 'node:fs/promises';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const MAX_LINKS = 40;

/**
 * An open folder. Names in it are resolved by the kernel from the open folder itself (`/proc/self/fd/N/NAME`, which is
 * openat(2) for programs that lack it), so nobody can exchange a parent for a link between a look and a write.
 */
export class AnchoredFolder {
  readonly #handle: FileHandle;
  /** For messages. */
  readonly path: string;

  private constructor(handle: FileHandle, path: string) {
    this.#handle = handle;
    this.path = path;
  }

  static async open(at: string, path: string): Promise<AnchoredFolder> {
    return new AnchoredFolder(await open(at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), path);
  }

  /** Path of a name in this folder; only good while it is open. */
  at(name: string): string {
    if (name === '' || name === '.' || name === '..' || name.includes('/')) throw new Error('one name only');
    return `/proc/self/fd/${this.#handle.fd}/${name}`;
  }

  async stat(): Promise<Stats> {
    return await this.#handle.stat();
  }

  async chown(uid: number, gid: number): Promise<void> {
    await this.#handle.chown(uid, gid);
  }

  async chmod(mode: number): Promise<void> {
    await this.#handle.chmod(mode);
  }

  /** What a name is, links not followed; undefined when there is nothing. */
  async look(name: string): Promise<Stats | undefined> {
    return await lstat(this.at(name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
  }

  /** A folder in this one; a link is refused by the kernel (ELOOP or ENOTDIR). */
  async enter(name: string): Promise<AnchoredFolder> {
    return await AnchoredFolder.open(this.at(name), `${this.path}/${name}`);
  }

  async makeFolder(name: string, mode: number): Promise<AnchoredFolder> {
    await mkdir(this.at(name), { mode });
    const folder = await this.enter(name);
    await folder.chmod(mode);
    return folder;
  }

  /** Opens a file in this folder, never through a link, never waiting for a pipe. */
  async openFile(name: string, flags: number, mode?: number): Promise<FileHandle> {
    return await open(this.at(name), flags | O_NOFOLLOW | O_NONBLOCK, mode);
  }

  async link(name: string): Promise<string> {
    return await readlink(this.at(name));
  }

  async rename(from: string, to: string): Promise<void> {
    await rename(this.at(from), this.at(to));
  }

  async remove(name: string): Promise<void> {
    await unlink(this.at(name)).catch(() => undefined);
  }

  async sync(): Promise<void> {
    await this.#handle.sync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/**
 * Walks to a folder of a user, one component at a time. Every folder on the way must belong to root or to the user, and
 * only links that root made, in folders that root alone may write, are followed (`/home` that leads to `/var/home`).
 * Undefined when it is not there. Throws AgentError STEP_FAILED for anything else. The caller closes it.
 */
export async function openUserFolder(machine: Machine, path: string, uid: number): Promise<AnchoredFolder | undefined> {
  let names = path.split('/').filter((name) => name !== '' && name !== '.');
  const trail = [await AnchoredFolder.open(machine.root, '')];
  try {
    for (let links = 0; names.length > 0; ) {
      const [name = '', ...rest] = names;
      names = rest;
      const folder = trail.at(-1);
      if (folder === undefined) return undefined;
      if (name === '..') {
        if (trail.length > 1) await trail.pop()?.close();
        continue;
      }
      const stats = await folder.look(name);
      if (stats === undefined) return undefined;
      if (!isTrusted(stats.uid, uid)) throw untrusted(`${folder.path}/${name}`, 'belongs to somebody else');
      if (stats.isSymbolicLink()) {
        if (!isSystemOwned(stats) || !(await isSystemFolder(folder))) {
          throw untrusted(`${folder.path}/${name}`, 'is a symbolic link that the user can change');
        }
        links += 1;
        if (links > MAX_LINKS) throw untrusted(path, 'leads through too many symbolic links');
        const target = await folder.link(name);
        if (target.startsWith('/')) while (trail.length > 1) await trail.pop()?.close();
        names = [...target.split('/').filter((part) => part !== '' && part !== '.'), ...names];
        continue;
      }
      if (!stats.isDirectory()) throw untrusted(`${folder.path}/${name}`, 'is no folder');
      const next = await folder.enter(name).catch((error: unknown) => {
        throw untrusted(`${folder.path}/${name}`, 'changed meanwhile', error);
      });
      trail.push(next);
      if (!isTrusted((await next.stat()).uid, uid)) throw untrusted(next.path, 'belongs to somebody else');
    }
    return trail.pop();
  } finally {
    for (const folder of trail) await folder.close();
  }
}

/** Root, the user, or whoever the agent runs as (root on a machine). */
export function isTrusted(owner: number, uid: number): boolean {
  return owner === 0 || owner === uid || owner === process.geteuid?.();
}

/** Says what is wrong with a path on the way to a user's file. */
export function untrusted(path: string, what: string, cause?: unknown): AgentError {
  return new AgentError({
    code: 'STEP_FAILED',
    message: `${path} ${what}, so nothing was written there`,
    hint: 'Folders down to ~/.ssh must be real folders that belong to root or to the user.',
    cause,
  });
}

function isSystemOwned(stats: Stats): boolean {
  return stats.uid === 0 || stats.uid === process.geteuid?.();
}

async function isSystemFolder(folder: AnchoredFolder): Promise<boolean> {
  const stats = await folder.stat();
  // Others may write into a sticky folder, but not replace root's link there.
  return isSystemOwned(stats) && ((stats.mode & 0o022) === 0 || (stats.mode & 0o1000) !== 0);
}
