import { createHash } from 'node:crypto';
import type { IndexedEntry } from '@bowline/formats';
import type { BlobStore } from '@bowline/host';
import { ImageError } from '../error.ts';
import { DEFAULT_LAYER_LIMITS, type LayerLimits, type LayerRef } from '../sources/source.ts';
import { readBlobChunks } from './blob-reader.ts';
import { decodeBlock } from './index-blocks.ts';
import { readStoredIndex, writeLayerIndex } from './layer-index-file.ts';
import { LayerIndexer } from './layer-indexer.ts';

/**
 * The entries of a stored layer, from the index kept with it. A missing, damaged or outdated index is made anew from the layer,
 * whose digest is then checked.
 *
 * @throws HostError BLOB_MISSING
 * @throws ImageError LAYER_INVALID when the layer is not readable, or no longer what its digest says (it is then removed)
 * @throws ImageError LAYER_TOO_LARGE
 */
export async function readLayerIndex(
  store: BlobStore,
  layer: LayerRef,
  limits: LayerLimits = DEFAULT_LAYER_LIMITS,
): Promise<IndexedEntry[]> {
  const stored = await readStoredIndex(store, layer);
  if (stored !== undefined) return stored;
  const blocks = await rebuildLayerIndex(store, layer, limits);
  const entries: IndexedEntry[] = [];
  for (const block of blocks) decodeBlock(block, entries);
  return entries;
}

/** Reads a stored layer again, checks its digest and writes its index. Throws as {@link readLayerIndex}. */
export async function rebuildLayerIndex(
  store: BlobStore,
  layer: LayerRef,
  limits: LayerLimits,
): Promise<readonly string[]> {
  const indexer = new LayerIndexer(layer.origin, limits);
  const hash = createHash('sha256');
  let failure: unknown;
  for await (const chunk of readBlobChunks(await store.path(layer.diffId))) {
    hash.update(chunk);
    try {
      if (failure === undefined) indexer.push(chunk);
    } catch (error) {
      failure = error;
    }
  }
  if (`sha256:${hash.digest('hex')}` !== layer.diffId) {
    await store.remove(layer.diffId);
    throw new ImageError({
      code: 'LAYER_INVALID',
      message: `${layer.origin}: the stored layer ${layer.diffId} is no longer what it was; it was removed`,
      hint: 'Build again: it is fetched or read anew.',
      cause: failure,
    });
  }
  if (failure !== undefined) throw failure;
  const blocks = indexer.finish({ requireEnd: false });
  await writeLayerIndex(store, layer, indexer.entryCount, blocks);
  return blocks;
}
