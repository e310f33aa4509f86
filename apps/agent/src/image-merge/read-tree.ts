import type { Stats } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError } from '../error.ts';
import type { Tree, TreeEntry } from './tree-entry.ts';

const MAX_ENTRIES = 1_000_000;

/** What a tree is read with. */
export interface ReadTreeOptions {
  /** Paths that are no part of it, nor what is below them. */
  without: ReadonlySet<string>;
  signal: AbortSignal;
}

/**
 * Reads names, owners, times and links of some folders below `root`; contents are not read. Folders that are missing, or links,
 * have no entries. Throws AgentError STEP_FAILED for more than a million names.
 */
export async function readTree(root: string, tops: readonly string[], options: ReadTreeOptions): Promise<Tree> {
  const tree: Tree = new Map();
  for (const top of tops) {
    const stats = await lstat(join(root, top)).catch(() => undefined);
    if (stats?.isDirectory() === true) await readFolder(tree, root, top, options);
  }
  return tree;
}

async function readFolder(tree: Tree, root: string, folder: string, options: ReadTreeOptions): Promise<void> {
  options.signal.throwIfAborted();
  for (const name of (await readdir(join(root, folder))).sort()) {
    const path = `${folder}/${name}`;
    if (options.without.has(path)) continue;
    if (tree.size >= MAX_ENTRIES) {
      throw new AgentError({
        code: 'STEP_FAILED',
        message: `there are more than ${MAX_ENTRIES} files below ${folder}`,
      });
    }
    const entry = await readEntry(join(root, path));
    if (entry === undefined) continue;
    tree.set(path, entry);
    if (entry.type === 'folder') await readFolder(tree, root, path, options);
  }
}

/** One name; undefined when it is not there. */
export async function readEntry(path: string): Promise<TreeEntry | undefined> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return undefined;
  const type = typeOf(stats);
  return {
    type,
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    size: type === 'file' ? stats.size : 0,
    mtime: Math.floor(stats.mtimeMs / 1000),
    content: type === 'link' ? await readlink(path) : '',
  };
}

function typeOf(stats: Stats): TreeEntry['type'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  return stats.isSymbolicLink() ? 'link' : 'other';
}
