import {
  type BytePath,
  bytePathOf,
  checkSymlinkTarget,
  type IndexedEntry,
  NO_XATTRS,
  normalizePath,
} from '@bowline/formats';
import type { RootChange } from '../configure/root-reader.ts';
import { findNode, type MergedTree, syntheticMeta } from './merged-tree.ts';
import { TreeBuilder } from './tree-builder.ts';

/** A file, folder or link that no layer holds: what the bowl and Bowline itself bring. */
export interface Addition {
  /** Relative to the root. */
  path: BytePath;
  type: 'file' | 'directory' | 'symlink';
  mode: number;
  uid: number;
  gid: number;
  /** Of a file; empty unless given. */
  content?: Uint8Array;
  /** Of a symlink. */
  linkname?: BytePath;
  /** Values byte for byte, as in TarEntry. */
  xattrs?: Record<string, string>;
}

const ADDITIONS_STAMP = Number.MAX_SAFE_INTEGER;

/**
 * Puts additions on top of a tree, in place; later ones win. Parents that are links are followed inside the tree, missing ones
 * are made, folders keep what is in them.
 *
 * @throws FormatsError FORMAT_INVALID for an impossible path
 */
export function addToTree(tree: MergedTree, additions: readonly Addition[]): void {
  const builder = new TreeBuilder(tree, ADDITIONS_STAMP, 'the files of the bowl');
  for (const addition of additions) {
    const path = normalizePath(addition.path, 'file');
    const content = addition.type === 'file' ? (addition.content ?? new Uint8Array()) : undefined;
    const meta: IndexedEntry = {
      ...syntheticMeta(addition.type, addition.mode),
      uid: addition.uid,
      gid: addition.gid,
      size: content?.length ?? 0,
      linkname: addition.type === 'symlink' ? checkSymlinkTarget(path, addition.linkname ?? '') : '',
      xattrs: addition.xattrs ?? NO_XATTRS,
    };
    builder.add(path, meta, undefined, { keepFolders: addition.type === 'directory', bytes: content });
  }
}

/** Applies what configuration decided (text paths are taken as UTF-8), in order and in place. */
export function applyRootChanges(tree: MergedTree, changes: readonly RootChange[]): void {
  for (const change of changes) {
    const path = bytePathOf(change.path);
    if (change.kind === 'remove') {
      removeFromTree(tree, path);
    } else if (change.kind === 'symlink') {
      const { uid, gid } = change;
      addToTree(tree, [{ path, type: 'symlink', mode: 0o777, uid, gid, linkname: bytePathOf(change.target) }]);
    } else {
      const content = change.kind === 'file' ? { content: change.content } : {};
      addToTree(tree, [{ path, type: change.kind, mode: change.mode, uid: change.uid, gid: change.gid, ...content }]);
    }
  }
}

/** Takes a name away, a folder with all that is in it; what is not there is no error. */
export function removeFromTree(tree: MergedTree, path: BytePath): void {
  const found = findNode(tree, path, { follow: false });
  const name = found?.path.split('/').at(-1);
  if (found?.parent?.children !== undefined && name !== undefined) found.parent.children.delete(name);
}
