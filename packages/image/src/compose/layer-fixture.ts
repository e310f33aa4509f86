import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeHeader, encodeLatin1, NO_XATTRS, TAR_END, type TarEntry, tarPadding } from '@bowline/formats';
import { type BlobStore, LocalBlobStore } from '@bowline/host';
import { ingestLayer } from '../layers/ingest-layer.ts';
import { readLayerIndex } from '../layers/read-layer-index.ts';
import type { LayerInput } from './merge-layers.ts';
import { type MergedTree, walkTree } from './merged-tree.ts';

/** A member of a layer in a test: only what matters to the test is said. */
export type Member = Partial<TarEntry> & { path: string; content?: string };

/** Opens a store in a folder of its own for one test. */
export async function openTestStore(): Promise<{ store: LocalBlobStore; folder: string; close: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'bowline-layers-'));
  const store = await LocalBlobStore.open(join(folder, 'store'));
  return { store, folder, close: () => rm(folder, { recursive: true, force: true }) };
}

/** A tar of members. */
export function tarOf(members: readonly Member[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { content = '', ...fields } of members) {
    const type = fields.type ?? 'file';
    const data = encodeLatin1(type === 'file' ? content : '');
    const entry: TarEntry = {
      type,
      mode: type === 'directory' ? 0o755 : 0o644,
      uid: 0,
      gid: 0,
      size: data.length,
      mtime: 1000,
      linkname: '',
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: NO_XATTRS,
      ...fields,
    };
    parts.push(encodeHeader(entry), data, new Uint8Array(tarPadding(data.length)));
  }
  return Buffer.concat([...parts, TAR_END]);
}

/** A stored layer of members, as {@link LayerInput}. */
export async function layerOf(
  store: BlobStore,
  members: readonly Member[],
  options: { origin?: string; foreign?: boolean } = {},
): Promise<LayerInput> {
  const stream = (async function* () {
    yield tarOf(members);
  })();
  const layer = await ingestLayer(
    { source: { kind: 'stream', stream }, origin: options.origin ?? 'test layer' },
    store,
  );
  return { layer, entries: await readLayerIndex(store, layer), foreign: options.foreign ?? false };
}

/** One line for each name: folders end in a slash, links show their target. */
export function namesOf(tree: MergedTree): string[] {
  return [...walkTree(tree)].slice(1).map(({ path, node }) => {
    const { type, linkname } = node.inode.meta;
    if (type === 'directory') return `${path}/`;
    return type === 'symlink' ? `${path} -> ${linkname}` : path;
  });
}
