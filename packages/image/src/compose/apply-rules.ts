import { type IndexedEntry, NO_XATTRS } from '@bowline/formats';
import { IMAGE_RULES, type ImageRules } from './image-rules.ts';
import { findNode, type MergedTree, makeNode, syntheticMeta, type TreeNode, walkTree } from './merged-tree.ts';
import { TreeBuilder } from './tree-builder.ts';

/** Number that is later than any layer's. */
const RULES_STAMP = Number.MAX_SAFE_INTEGER;

/** Turns a merged root into that of an image, in place. Applying it twice changes nothing more. */
export function applyImageRules(tree: MergedTree, rules: ImageRules = IMAGE_RULES): void {
  const builder = new TreeBuilder(tree, RULES_STAMP, 'the image rules');
  for (const { path, mode } of rules.emptied) emptyFolder(builder, path, mode);
  for (const pattern of rules.removed) {
    for (const { parent, name } of matchNodes(tree, pattern)) builder.remove(parent, name);
  }
  for (const pattern of rules.truncated) {
    for (const { parent, name, node } of matchNodes(tree, pattern)) truncate(builder, parent, name, node);
  }
  for (const path of rules.removedWhenEmpty) {
    const found = findNode(tree, path, { follow: false });
    const meta = found?.node.inode.meta;
    if (meta?.type === 'file' && meta.size === 0)
      builder.remove(found?.parent as TreeNode, path.split('/').at(-1) ?? '');
  }
  for (const { path, mode, text } of rules.written) writeFile(builder, path, mode, text);
  for (const { path, mode } of rules.mountPoints) ensureFolder(builder, path, mode);
  for (const { path, target } of rules.moved) moveBehindLink(builder, path, target);
  cleanMetadata(tree, rules);
}

/** An addition or change that the rules make: an empty folder in place of whatever is there. */
function emptyFolder(builder: TreeBuilder, path: string, mode: number): void {
  const { parent, name } = builder.locate(path);
  const meta = syntheticMeta('directory', mode);
  builder.put(parent, name, makeNode(meta, undefined, RULES_STAMP));
}

/** Makes a folder unless the name leads to one; a link to nowhere and a file make room. */
function ensureFolder(builder: TreeBuilder, path: string, mode: number): void {
  const found = findNode(builder.tree, path, { follow: true });
  if (found?.node.children !== undefined) return;
  const { parent, name } = builder.locate(path);
  builder.put(parent, name, makeNode(syntheticMeta('directory', mode), undefined, RULES_STAMP));
}

function writeFile(builder: TreeBuilder, path: string, mode: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  const { parent, name } = builder.locate(path);
  const meta: IndexedEntry = { ...syntheticMeta('file', mode), size: bytes.length };
  builder.put(parent, name, makeNode(meta, undefined, RULES_STAMP, bytes));
}

function truncate(builder: TreeBuilder, parent: TreeNode, name: string, node: TreeNode): void {
  const { meta } = node.inode;
  if (meta.type !== 'file' || meta.size === 0) return;
  const { sparse: _, ...rest } = meta;
  builder.put(parent, name, makeNode({ ...rest, size: 0, storedSize: 0 }, undefined, RULES_STAMP, new Uint8Array()));
}

/** Moves what is at `path` to `target` and leaves a relative link. A link that is there already stays. */
function moveBehindLink(builder: TreeBuilder, path: string, target: string): void {
  const found = findNode(builder.tree, path, { follow: false });
  if (found === undefined || found.parent === undefined || found.node.inode.meta.type === 'symlink') return;
  // The folder may really be elsewhere (`/var` a link): the relative link must start from there.
  const realPath = found.path;
  const { parent, name } = builder.locate(target);
  builder.put(parent, name, found.node);
  const up = '../'.repeat(realPath.split('/').length - 1);
  const meta: IndexedEntry = { ...syntheticMeta('symlink', 0o777), linkname: up + target };
  builder.put(found.parent, realPath.split('/').at(-1) ?? '', makeNode(meta, undefined, RULES_STAMP));
}

function cleanMetadata(tree: MergedTree, rules: ImageRules): void {
  const root = tree.root.inode.meta;
  tree.root.inode.meta = { ...root, mode: 0o755, uid: 0, gid: 0, mtime: rules.latestMtime, xattrs: NO_XATTRS };
  for (const { node } of walkTree(tree)) {
    const { meta } = node.inode;
    const mtime = Math.min(Math.max(meta.mtime, 0), rules.latestMtime);
    const xattrs = meta.xattrs === NO_XATTRS ? NO_XATTRS : keepXattrs(meta.xattrs, rules);
    if (mtime !== meta.mtime || xattrs !== meta.xattrs) node.inode.meta = { ...meta, mtime, xattrs };
  }
}

function keepXattrs(xattrs: Record<string, string>, rules: ImageRules): Record<string, string> {
  const names = Object.keys(xattrs);
  const kept = names.filter(rules.keepXattr);
  if (kept.length === names.length) return xattrs;
  if (kept.length === 0) return NO_XATTRS;
  const result = Object.create(null) as Record<string, string>;
  for (const name of kept) result[name] = xattrs[name] as string;
  return result;
}

/**
 * Finds the names a pattern means: `*` within one component, `**` as last component for everything below. The folder part
 * is reached through symbolic links inside the tree.
 */
function matchNodes(
  tree: MergedTree,
  pattern: string,
): { parent: TreeNode; name: string; node: TreeNode; path: string }[] {
  const slash = pattern.lastIndexOf('/');
  const folder = findNode(tree, pattern.slice(0, Math.max(slash, 0)), { follow: true });
  if (folder?.node.children === undefined) return [];
  const last = pattern.slice(slash + 1);
  if (last === '**') {
    return [...walkTree({ root: folder.node })].flatMap((found) =>
      found.parent === undefined ? [] : [{ ...found, parent: found.parent }],
    );
  }
  const matches = new RegExp(
    `^${last
      .split('*')
      .map((part) => RegExp.escape(part))
      .join('[^/]*')}$`,
    's',
  );
  return [...folder.node.children]
    .filter(([name]) => matches.test(name))
    .map(([name, node]) => ({
      parent: folder.node,
      name,
      node,
      path: folder.path === '' ? name : `${folder.path}/${name}`,
    }));
}
