import { type BytePath, displayPath, type IndexedEntry } from '@bowline/formats';
import { ImageError } from '../error.ts';
import type { LayerRef } from '../sources/source.ts';
import { findNode, MAX_SYMLINKS, type MergedTree, makeNode, syntheticMeta, type TreeNode } from './merged-tree.ts';

/** Components of link targets that one layer may cost; real layers need some ten thousand. */
const MAX_LINK_STEPS = 20_000_000;

/**
 * Puts entries of one layer into a tree. Names are reached as in a running system: parents that are symbolic links are
 * followed inside the tree (`lib` to `usr/lib`), and nothing leads out of it.
 */
export class TreeBuilder {
  readonly tree: MergedTree;
  readonly #stamp: number;
  readonly #origin: string;
  readonly #parents = new Map<string, TreeNode>();
  #linkSteps = 0;

  /** `origin` names the layer in messages; `stamp` is its number. */
  constructor(tree: MergedTree, stamp: number, origin: string) {
    this.tree = tree;
    this.#stamp = stamp;
    this.#origin = origin;
  }

  get stamp(): number {
    return this.#stamp;
  }

  /** The folder at a path, made (0755, root) where it is missing; a file in the way is replaced. */
  folder(path: BytePath): TreeNode {
    if (path === '') return this.tree.root;
    const known = this.#parents.get(path);
    if (known !== undefined) return known;
    const found = this.#makeFolder(path);
    this.#parents.set(path, found);
    return found;
  }

  /** Gives `name` in `parent` to a node, in place of whatever had it. */
  put(parent: TreeNode, name: string, node: TreeNode): void {
    const old = parent.children?.get(name);
    if (old !== undefined) this.forget(old);
    parent.children?.set(name, node);
  }

  /** Takes a name away. */
  remove(parent: TreeNode, name: string): void {
    const old = parent.children?.get(name);
    if (old === undefined) return;
    this.forget(old);
    parent.children?.delete(name);
  }

  /** Must be told of every node that leaves the tree: folders and links may be known as somebody's parent. */
  forget(node: TreeNode): void {
    if (node.children !== undefined || node.inode.meta.type === 'symlink') this.#parents.clear();
  }

  /** A file, folder, link or device where `path` says. Existing folders keep what is in them. */
  add(path: BytePath, meta: IndexedEntry, layer: LayerRef | undefined, options: AddOptions): void {
    if (path === '') {
      this.tree.root.inode = makeNode(meta, layer, this.#stamp).inode;
      return;
    }
    const { parent, name } = this.locate(path);
    const old = parent.children?.get(name);
    if (meta.type === 'directory' && old?.children !== undefined) {
      old.inode = makeNode(meta, layer, this.#stamp).inode;
      old.stamp = this.#stamp;
      return;
    }
    if (options.keepFolders && old !== undefined && this.#isFolderElsewhere(path, meta, old)) {
      old.stamp = this.#stamp;
      return;
    }
    this.put(parent, name, makeNode(meta, layer, this.#stamp, options.bytes));
  }

  /**
   * A further name for what is at `target`. Returns false when there is nothing.
   *
   * @throws ImageError LAYER_INVALID when the target is a folder
   */
  link(path: BytePath, target: BytePath): boolean {
    const found = findNode(this.tree, target, { follow: false });
    if (found === undefined) return false;
    if (found.node.children !== undefined) {
      throw this.invalid(`the hard link "${displayPath(path)}" points to the folder "${displayPath(target)}"`);
    }
    const { parent, name } = this.locate(path);
    if (parent.children?.get(name) === found.node) return true;
    found.node.inode.names++;
    this.put(parent, name, { inode: found.node.inode, children: undefined, stamp: this.#stamp });
    return true;
  }

  /** The folder a path is in, made where it is missing, and its last name. */
  locate(path: BytePath): { parent: TreeNode; name: string } {
    const slash = path.lastIndexOf('/');
    return { parent: this.folder(slash < 0 ? '' : path.slice(0, slash)), name: path.slice(slash + 1) };
  }

  invalid(why: string): ImageError {
    return new ImageError({ code: 'LAYER_INVALID', message: `${this.#origin}: ${why}` });
  }

  /**
   * True when a layer made for another base meets a folder: its `lib/` is our link to `usr/lib`, or its link `lib` is our
   * folder. Either would tear the base apart.
   */
  #isFolderElsewhere(path: BytePath, meta: IndexedEntry, old: TreeNode): boolean {
    if (meta.type === 'symlink') return old.children !== undefined;
    if (meta.type !== 'directory' || old.inode.meta.type !== 'symlink') return false;
    return findNode(this.tree, path, { follow: true })?.node.children !== undefined;
  }

  #makeFolder(path: BytePath): TreeNode {
    const way: TreeNode[] = [this.tree.root];
    const pending = path.split('/').reverse();
    let links = 0;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name === '' || name === '.') continue;
      if (name === '..') {
        if (way.length > 1) way.pop();
        continue;
      }
      const parent = way.at(-1) as TreeNode;
      let child = parent.children?.get(name);
      if (child?.inode.meta.type === 'symlink') {
        const components = child.inode.meta.linkname.split('/');
        this.#linkSteps += components.length;
        if (++links > MAX_SYMLINKS || this.#linkSteps > MAX_LINK_STEPS) {
          throw this.invalid(`too many symbolic links on the way to "${displayPath(path)}"`);
        }
        child.stamp = this.#stamp;
        if (child.inode.meta.linkname.startsWith('/')) way.length = 1;
        pending.push(...components.reverse());
        continue;
      }
      if (child?.children === undefined) {
        child = makeNode(syntheticMeta('directory', 0o755), undefined, this.#stamp);
        this.put(parent, name, child);
      }
      child.stamp = this.#stamp;
      way.push(child);
    }
    return way.at(-1) as TreeNode;
  }
}

/** How {@link TreeBuilder.add} meets what is there. */
export interface AddOptions {
  /** The layer was not made for this base: a folder and a link to a folder stay what they are. */
  keepFolders: boolean;
  /** Bytes of a file that is in no layer. */
  bytes?: Uint8Array | undefined;
}
