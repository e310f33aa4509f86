import { type BytePath, type IndexedEntry, NO_XATTRS, type TarEntryType } from '@bowline/formats';
import { SOURCE_EPOCH } from '@bowline/os-layout';
import type { LayerRef } from '../sources/source.ts';

/** What hard links share: metadata, and where the bytes are. */
export interface Inode {
  /** `path` is where the entry came from, not necessarily where it is in the tree; `type` is never `hardlink`. */
  meta: IndexedEntry;
  /** The layer that holds the bytes; undefined for additions. */
  layer: LayerRef | undefined;
  /** Bytes of an addition. */
  bytes: Uint8Array | undefined;
  /** How many names it was given; 1 unless hard links were made. */
  names: number;
}

/** A name in the tree. Directories have children; their inodes are never shared. */
export interface TreeNode {
  inode: Inode;
  children: Map<string, TreeNode> | undefined;
  /** Which layer put or last touched this name; later layers have higher numbers. */
  stamp: number;
}

/** A root file system put together from layers, in memory and without the bytes of its files. */
export interface MergedTree {
  root: TreeNode;
}

/** As many symbolic links are followed in one path as Linux follows (MAXSYMLINKS). */
export const MAX_SYMLINKS = 40;

/** Metadata for something no layer mentions: owned by root, dated {@link SOURCE_EPOCH}. */
export function syntheticMeta(type: Exclude<TarEntryType, 'hardlink'>, mode: number): IndexedEntry {
  return {
    path: '',
    type,
    mode,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: SOURCE_EPOCH,
    linkname: '',
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: NO_XATTRS,
    offset: 0,
    storedSize: 0,
  };
}

/** A new name with an inode of its own. */
export function makeNode(meta: IndexedEntry, layer: LayerRef | undefined, stamp: number, bytes?: Uint8Array): TreeNode {
  return {
    inode: { meta, layer, bytes, names: 1 },
    children: meta.type === 'directory' ? new Map() : undefined,
    stamp,
  };
}

/** An empty root, 0755 and owned by root. */
export function emptyTree(): MergedTree {
  return { root: makeNode(syntheticMeta('directory', 0o755), undefined, 0) };
}

/** What {@link findNode} found: the name itself and the folder that holds it, with all links of the way resolved. */
export interface FoundNode {
  node: TreeNode;
  /** Undefined for the root. */
  parent: TreeNode | undefined;
  /** Real path: no symbolic link in it, except the last component when links were not followed. */
  path: BytePath;
}

/**
 * Looks a path up as a process inside the tree would: symbolic links on the way are followed and never lead out, `..` at
 * the root stays there.
 */
export function findNode(tree: MergedTree, path: BytePath, options: { follow: boolean }): FoundNode | undefined {
  const names: string[] = [];
  const nodes: TreeNode[] = [tree.root];
  const pending = path.split('/').reverse();
  let links = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (nodes.length > 1) {
        nodes.pop();
        names.pop();
      }
      continue;
    }
    const child = nodes.at(-1)?.children?.get(name);
    if (child === undefined) return undefined;
    const isLast = pending.length === 0;
    if (child.inode.meta.type === 'symlink' && (!isLast || options.follow)) {
      if (++links > MAX_SYMLINKS) return undefined;
      const target = child.inode.meta.linkname;
      if (target.startsWith('/')) {
        nodes.length = 1;
        names.length = 0;
      }
      pending.push(...target.split('/').reverse());
      continue;
    }
    if (!isLast && child.children === undefined && pending.some((rest) => rest !== '')) return undefined;
    nodes.push(child);
    names.push(name);
  }
  return { node: nodes.at(-1) as TreeNode, parent: nodes.at(-2), path: names.join('/') };
}

/** Every name in path order: a folder before what is in it, siblings by their bytes. The root comes first, as ''. */
export function* walkTree(
  tree: MergedTree,
): Generator<{ path: BytePath; node: TreeNode; parent: TreeNode | undefined; name: string }> {
  yield { path: '', node: tree.root, parent: undefined, name: '' };
  // Own stack: symbolic links allow trees deeper than the call stack.
  const stack: { prefix: string; parent: TreeNode; names: string[]; next: number }[] = [];
  const enter = (prefix: string, parent: TreeNode) => {
    if (parent.children !== undefined && parent.children.size > 0) {
      stack.push({ prefix, parent, names: [...parent.children.keys()].sort(), next: 0 });
    }
  };
  enter('', tree.root);
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const name = top.names[top.next++];
    if (name === undefined) {
      stack.pop();
      continue;
    }
    const node = top.parent.children?.get(name);
    // The visitor may have removed it.
    if (node === undefined) continue;
    const path = top.prefix + name;
    yield { path, node, parent: top.parent, name };
    enter(`${path}/`, node);
  }
}
