import { createReadStream } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { IndexedEntry } from '@bowline/formats';
import { type BlobStore, writeFileAtomic } from '@bowline/host';
import type { LayerRef } from '../sources/source.ts';
import { decodeBlock, LAYER_INDEX_VERSION } from './index-blocks.ts';

/** First line of an index. */
interface IndexHead {
  version: number;
  diffId: string;
  size: number;
  entries: number;
  /** When the blob was last written, in nanoseconds: a hard-linked blob may have been changed through its other name. */
  mtimeNs: string;
}

const MAX_HEAD_BYTES = 4096;

/** Writes the index of a stored layer. */
export async function writeLayerIndex(
  store: BlobStore,
  layer: LayerRef,
  entryCount: number,
  blocks: readonly string[],
): Promise<void> {
  const path = await store.path(layer.diffId);
  const head: IndexHead = {
    version: LAYER_INDEX_VERSION,
    diffId: layer.diffId,
    size: layer.size,
    entries: entryCount,
    mtimeNs: String((await stat(path, { bigint: true })).mtimeNs),
  };
  const target = indexPath(store, layer, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFileAtomic(target, `${[JSON.stringify(head), ...blocks].join('\n')}\n`, 0o444);
}

/** True when a stored layer has an index of this version, made from the bytes that the blob has now. */
export async function hasLayerIndex(store: BlobStore, layer: LayerRef): Promise<boolean> {
  const path = await store.path(layer.diffId);
  try {
    const handle = await open(indexPath(store, layer, path), 'r');
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(MAX_HEAD_BYTES), 0, MAX_HEAD_BYTES, 0);
      const line = buffer.toString('utf8', 0, bytesRead).split('\n', 1)[0] ?? '';
      return await isCurrent(JSON.parse(line) as IndexHead, layer, path);
    } finally {
      await handle.close();
    }
  } catch {
    return false;
  }
}

/** The entries of a stored layer; undefined when its index is missing, damaged or outdated. */
export async function readStoredIndex(store: BlobStore, layer: LayerRef): Promise<IndexedEntry[] | undefined> {
  const path = await store.path(layer.diffId);
  const input = createReadStream(indexPath(store, layer, path), { encoding: 'utf8', highWaterMark: 1 << 20 });
  try {
    const entries: IndexedEntry[] = [];
    let head: IndexHead | undefined;
    let rest: string[] = [];
    for await (const chunk of input as AsyncIterable<string>) {
      const lines = chunk.split('\n');
      const last = lines.pop() ?? '';
      for (const line of lines) {
        const whole = rest.length === 0 ? line : [...rest, line].join('');
        rest = [];
        if (head !== undefined) {
          decodeBlock(whole, entries);
          continue;
        }
        head = JSON.parse(whole) as IndexHead;
        if (!(await isCurrent(head, layer, path))) return undefined;
      }
      rest.push(last);
    }
    return entries.length === head?.entries ? entries : undefined;
  } catch {
    return undefined;
  } finally {
    input.destroy();
  }
}

async function isCurrent(head: IndexHead, layer: LayerRef, path: string): Promise<boolean> {
  if (head.version !== LAYER_INDEX_VERSION || head.diffId !== layer.diffId || head.size !== layer.size) return false;
  const { size, mtimeNs } = await stat(path, { bigint: true });
  return Number(size) === layer.size && String(mtimeNs) === head.mtimeNs;
}

/** In one folder of the store, where leftovers of killed processes are swept; beside the blob of a store without a folder. */
function indexPath(store: BlobStore, layer: LayerRef, blobPath: string): string {
  if (store.folder === undefined) return `${blobPath}.tar-index`;
  return join(store.folder, 'layers', `${layer.diffId.slice('sha256:'.length)}.tar-index`);
}
