import { type BytePath, bytePathOf, encodeLatin1, type TarEntryType } from '@bowline/formats';
import type { BlobStore } from '@bowline/host';
import type { RootName, RootReader } from '../configure/root-reader.ts';
import { ImageError } from '../error.ts';
import { LayerReader } from './layer-reader.ts';
import { findNode, type Inode, type MergedTree } from './merged-tree.ts';

/** Largest file read into memory unless asked otherwise: kernels are below 100 MiB. */
const MAX_FILE_BYTES = 256 * 2 ** 20;

/** A name in a folder of the tree. */
export interface TreeName {
  name: BytePath;
  type: Exclude<TarEntryType, 'hardlink'>;
  /** Target of a symlink, '' otherwise. */
  linkname: BytePath;
  /** Logical bytes of a file. */
  sizeBytes: number;
  mode: number;
}

/** Names in a folder, in byte order, links on the way followed; empty where there is no such folder. */
export function listTree(tree: MergedTree, folder: BytePath): TreeName[] {
  const children = findNode(tree, folder, { follow: true })?.node.children;
  return [...(children ?? [])]
    .map(([name, node]) => {
      const { type, linkname, size, mode } = node.inode.meta;
      return { name, type: type as TreeName['type'], linkname, sizeBytes: size, mode };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Bytes of a regular file, links followed inside the tree (unless `follow: false`); undefined where there is none.
 *
 * @throws ImageError LAYER_TOO_LARGE beyond `maxBytes` (256 MiB unless given)
 */
export async function readFileFromTree(
  tree: MergedTree,
  store: BlobStore,
  path: BytePath,
  options: { follow?: boolean; maxBytes?: number } = {},
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const inode = findNode(tree, path, { follow: options.follow ?? true })?.node.inode;
  if (inode?.meta.type !== 'file') return undefined;
  const maxBytes = options.maxBytes ?? MAX_FILE_BYTES;
  if (inode.meta.size > maxBytes) {
    throw new ImageError({
      code: 'LAYER_TOO_LARGE',
      message: `/${path} has ${inode.meta.size} bytes; at most ${maxBytes} are expected of it`,
    });
  }
  return readInode(inode, store);
}

/** The tree as configuration wants to see it: text paths, UTF-8. */
export function treeReader(tree: MergedTree, store: BlobStore): RootReader {
  return {
    read: (path) => readFileFromTree(tree, store, bytePathOf(path)),
    list: (folder) =>
      listTree(tree, bytePathOf(folder)).map(({ name, type, linkname }): RootName => {
        const known = type === 'file' || type === 'directory' || type === 'symlink' ? type : 'other';
        return { name: textOf(name), type: known, linkname: textOf(linkname) };
      }),
  };
}

async function readInode(inode: Inode, store: BlobStore): Promise<Uint8Array<ArrayBuffer>> {
  const { meta, layer } = inode;
  const content = new Uint8Array(meta.size);
  if (layer === undefined) {
    content.set(inode.bytes ?? new Uint8Array());
    return content;
  }
  const reader = new LayerReader(store);
  try {
    let from = meta.offset;
    for (const [offset, length] of meta.sparse ?? [[0, meta.size] as const]) {
      await reader.read(layer, from, content.subarray(offset, offset + length));
      from += length;
    }
  } finally {
    await reader.close();
  }
  return content;
}

function textOf(path: BytePath): string {
  return new TextDecoder().decode(encodeLatin1(path));
}
