import { displayPath, type IndexedEntry } from '@bowline/formats';
import type { LayerRef } from '../sources/source.ts';
import { emptyTree, findNode, type MergedTree, type TreeNode } from './merged-tree.ts';
import { TreeBuilder } from './tree-builder.ts';

/** One layer of a root, lowest first. */
export interface LayerInput {
  layer: LayerRef;
  entries: readonly IndexedEntry[];
  /**
   * The layer was not made on top of those below (a kernel, a runtime): where one has a folder and the other a link to
   * a folder, what is below stays. Layers of one container image replace, as the OCI specification says.
   */
  foreign?: boolean;
}

/** OCI image specification, layer.md, "Whiteouts". */
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
/** Bookkeeping of AUFS, ignored as every engine does. */
const AUFS_PREFIX = '.wh..wh.';

/**
 * Merges layers into one tree: later entries win, folders merge and take the later metadata, whiteouts remove what lower
 * layers brought, hard links share one inode across layers and keep its bytes when the other name is replaced, missing
 * parents are made (0755, root).
 *
 * @throws ImageError LAYER_INVALID for a hard link to nothing or to a folder, an impossible whiteout, too many links
 */
export function mergeLayers(layers: readonly LayerInput[]): MergedTree {
  const tree = emptyTree();
  layers.forEach((input, index) => mergeLayer(tree, input, index + 1));
  return tree;
}

function mergeLayer(tree: MergedTree, input: LayerInput, stamp: number): void {
  const { layer } = input;
  const builder = new TreeBuilder(tree, stamp, layer.origin);
  const cleared = new Set<TreeNode>();
  const early: IndexedEntry[] = [];
  for (const entry of input.entries) {
    const { path } = entry;
    const nameAt = path.lastIndexOf('/') + 1;
    if (path.includes(WHITEOUT) && isInsideWhiteout(builder, path.slice(0, nameAt))) continue;
    if (path.startsWith(WHITEOUT, nameAt)) {
      applyWhiteout(builder, path.slice(0, Math.max(nameAt - 1, 0)), path.slice(nameAt), cleared);
    } else if (entry.type === 'hardlink') {
      if (!builder.link(path, entry.linkname)) early.push(entry);
    } else {
      builder.add(path, entry, layer, { keepFolders: input.foreign === true });
    }
  }
  // A link may come before its target.
  for (const entry of early) {
    if (findNode(tree, entry.path, { follow: false })?.node.stamp === stamp) continue;
    if (builder.link(entry.path, entry.linkname)) continue;
    throw builder.invalid(
      `the hard link "${displayPath(entry.path)}" points to "${displayPath(entry.linkname)}", which does not exist`,
    );
  }
}

/** True for what is in a folder of AUFS bookkeeping; the content of any other whiteout makes no sense and is refused. */
function isInsideWhiteout(builder: TreeBuilder, folders: string): boolean {
  for (const folder of folders.split('/')) {
    if (folder.startsWith(AUFS_PREFIX)) return true;
    if (folder.startsWith(WHITEOUT)) {
      throw builder.invalid(
        `the whiteout "${displayPath(folder)}" in "/${displayPath(folders)}" is a folder with content`,
      );
    }
  }
  return false;
}

function applyWhiteout(builder: TreeBuilder, folderPath: string, name: string, cleared: Set<TreeNode>): void {
  const folder = findNode(builder.tree, folderPath, { follow: true })?.node;
  if (name === OPAQUE) {
    if (folder?.children !== undefined) clearLower(builder, folder, cleared);
    return;
  }
  if (name.startsWith(AUFS_PREFIX)) return;
  const victim = name.slice(WHITEOUT.length);
  if (victim === '' || victim === '.' || victim === '..') {
    throw builder.invalid(`the whiteout "${displayPath(name)}" in "/${displayPath(folderPath)}" names no file`);
  }
  const node = folder?.children?.get(victim);
  if (folder === undefined || node === undefined) return;
  // A whiteout removes what lower layers brought, never what its own layer does.
  if (node.stamp !== builder.stamp) builder.remove(folder, victim);
  else if (node.children !== undefined) clearLower(builder, node, cleared);
}

/** Empties a folder of everything that is not of the current layer; each folder is visited once a layer. */
function clearLower(builder: TreeBuilder, folder: TreeNode, cleared: Set<TreeNode>): void {
  const pending = [folder];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (cleared.has(next)) continue;
    cleared.add(next);
    for (const [name, child] of next.children ?? []) {
      if (child.stamp !== builder.stamp) builder.remove(next, name);
      else if (child.children !== undefined) pending.push(child);
    }
  }
}
