import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { IndexedEntry } from '@bowline/formats';
import { type BlobStore, writeFileAtomic } from '@bowline/host';
import { DEFAULT_LAYER_LIMITS, type LayerLimits, type LayerRef } from '../sources/source.ts';
import { readBlobChunks } from './blob-reader.ts';
import { decodeBlock, LAYER_INDEX_VERSION } from './index-blocks.ts';
import { LayerIndexer } from './layer-indexer.ts';

/** First line of an index. */
interface IndexHead {
  version: number;
  diffId: string;
  size: number;
  entries: number;
}

/** Writes the index of a stored layer beside its blob. */
export async function writeLayerIndex(
  store: BlobStore,
  layer: LayerRef,
  entryCount: number,
  blocks: readonly string[],
): Promise<void> {
  const head: IndexHead = {
    version: LAYER_INDEX_VERSION,
    diffId: layer.diffId,
    size: layer.size,
    entries: entryCount,
  };
  await writeFileAtomic(await indexPath(store, layer), `${[JSON.stringify(head), ...blocks].join('\n')}\n`, 0o444);
}

/**
 * The entries of a stored layer, from the index beside it. A missing, damaged or outdated index is made anew from the layer.
 *
 * @throws HostError BLOB_MISSING
 * @throws ImageError LAYER_INVALID | LAYER_TOO_LARGE when the layer itself is not readable
 */
export async function readLayerIndex(
  store: BlobStore,
  layer: LayerRef,
  limits: LayerLimits = DEFAULT_LAYER_LIMITS,
): Promise<IndexedEntry[]> {
  const stored = await readStoredIndex(store, layer);
  if (stored !== undefined) return stored;
  const indexer = new LayerIndexer(layer.origin, limits);
  for await (const chunk of readBlobChunks(await store.path(layer.diffId))) indexer.push(chunk);
  const blocks = indexer.finish({ requireEnd: false });
  await writeLayerIndex(store, layer, indexer.entryCount, blocks);
  const entries: IndexedEntry[] = [];
  for (const block of blocks) decodeBlock(block, entries);
  return entries;
}

/** True when a stored layer has a current index. */
export async function hasLayerIndex(store: BlobStore, layer: LayerRef): Promise<boolean> {
  const lines = createInterface({ input: createReadStream(await indexPath(store, layer), { end: 4095 }) });
  try {
    for await (const line of lines) return isCurrent(JSON.parse(line) as IndexHead, layer);
  } catch {
    return false;
  }
  return false;
}

async function readStoredIndex(store: BlobStore, layer: LayerRef): Promise<IndexedEntry[] | undefined> {
  const input = createReadStream(await indexPath(store, layer), { encoding: 'utf8', highWaterMark: 1 << 20 });
  try {
    const entries: IndexedEntry[] = [];
    let head: IndexHead | undefined;
    let rest = '';
    for await (const chunk of input as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (head !== undefined) {
          decodeBlock(line, entries);
          continue;
        }
        head = JSON.parse(line) as IndexHead;
        if (!isCurrent(head, layer)) return undefined;
      }
    }
    return entries.length === head?.entries ? entries : undefined;
  } catch {
    return undefined;
  } finally {
    input.destroy();
  }
}

function isCurrent(head: IndexHead, layer: LayerRef): boolean {
  return head.version === LAYER_INDEX_VERSION && head.diffId === layer.diffId && head.size === layer.size;
}

async function indexPath(store: BlobStore, layer: LayerRef): Promise<string> {
  return `${await store.path(layer.diffId)}.tar-index`;
}
