import type { Stats } from 'node:fs';
import { lstat, readdir, readlink, rm } from 'node:fs/promises';
import { type BytePath, displayPath } from '@bowline/formats';
import { AgentError } from '../error.ts';

const MAX_LINKS = 40;

/**
 * A folder that becomes a file system tree. Names are bytes, as tar has them. Links in it are followed as if the folder
 * were the root, so that nothing reaches outside of it, whatever they say.
 */
export class Tree {
  readonly #root: Buffer;

  constructor(root: string) {
    this.#root = Buffer.from(root);
  }

  /** The file of a path whose folders are no links. */
  file(path: BytePath): Buffer {
    return path === '' ? this.#root : Buffer.concat([this.#root, SLASH, Buffer.from(path, 'latin1')]);
  }

  async stat(path: BytePath): Promise<Stats | undefined> {
    return lstat(this.file(path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
  }

  /** The path with all links of its folders followed; its last name is left as it is, also when it is a link. */
  async resolve(path: BytePath): Promise<BytePath> {
    const slash = path.lastIndexOf('/');
    if (slash < 0) return path;
    return join(await this.#follow(path.slice(0, slash)), path.slice(slash + 1));
  }

  async remove(path: BytePath): Promise<void> {
    await rm(this.file(path), { recursive: true, force: true });
  }

  /** Names in a folder; none when it is no folder. */
  async list(path: BytePath): Promise<BytePath[]> {
    const names = await readdir(this.file(path), { encoding: 'latin1' }).catch(() => []);
    return names;
  }

  async #follow(path: BytePath): Promise<BytePath> {
    const left = path.split('/').reverse();
    let at: BytePath = '';
    for (let links = 0, name = left.pop(); name !== undefined; name = left.pop()) {
      if (name === '' || name === '.') continue;
      if (name === '..') {
        at = at.includes('/') ? at.slice(0, at.lastIndexOf('/')) : '';
        continue;
      }
      const next = join(at, name);
      const stats = await this.stat(next);
      if (!stats?.isSymbolicLink()) {
        at = next;
        continue;
      }
      if ((links += 1) > MAX_LINKS) throw hostile(path, 'leads through links that lead to themselves');
      const target = Buffer.from(await readlink(this.file(next), 'latin1'), 'latin1').toString('latin1');
      if (target.startsWith('/')) at = '';
      left.push(...target.split('/').reverse());
    }
    return at;
  }
}

const SLASH = Buffer.from('/');

/** `a` and `b` as a path. */
export function join(folder: BytePath, name: BytePath): BytePath {
  return folder === '' ? name : `${folder}/${name}`;
}

/** The error of a layer that cannot be unpacked safely. */
export function hostile(path: BytePath, why: string): AgentError {
  return new AgentError({
    code: 'STEP_FAILED',
    message: `The image is refused: "${displayPath(path)}" ${why}.`,
    hint: 'Nothing of it was put in place. Build the image again.',
  });
}
