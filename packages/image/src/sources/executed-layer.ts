import { encodeHeader, type IndexedEntry, TAR_END, tarPadding } from '@bowline/formats';
import { SOURCE_EPOCH } from '@bowline/os-layout';
import { LayerReader } from '../compose/layer-reader.ts';
import { ingestLayer } from '../layers/ingest-layer.ts';
import { readLayerIndex } from '../layers/read-layer-index.ts';
import type { MadeLayer } from './pin.ts';
import type { ResolveContext } from './source.ts';

/** Bookkeeping of overlayfs; a rootless engine's differs from root's, and it means nothing in an image. */
const ENGINE_XATTR = /^(?:user|trusted)\.overlay\./;
const CHUNK_BYTES = 2 ** 20;

/**
 * Makes what an engine executed independent of who ran it and how: without the xattrs of its storage, written by our own tar
 * codec, the layer is the same bytes for root and an ordinary user, overlay and vfs. Layers the engine only passed on (their times
 * are not all the fixed epoch) stay as they are, and so can be shared with other images.
 */
export async function normaliseExecuted(layers: readonly MadeLayer[], context: ResolveContext): Promise<MadeLayer[]> {
  const normalised: MadeLayer[] = [];
  for (const layer of layers) {
    const entries = await readLayerIndex(context.store, layer, context.limits);
    const isOurs = entries.every((entry) => entry.mtime === SOURCE_EPOCH && entry.sparse === undefined);
    normalised.push(isOurs ? await rewrite(layer, entries, context) : layer);
  }
  return normalised;
}

async function rewrite(
  layer: MadeLayer,
  entries: readonly IndexedEntry[],
  context: ResolveContext,
): Promise<MadeLayer> {
  const { diffId, size, origin } = await ingestLayer(
    {
      source: { kind: 'stream', stream: writeEntries(layer, entries, context) },
      origin: layer.origin,
      limits: context.limits,
      signal: context.signal,
    },
    context.store,
  );
  if (diffId !== layer.diffId) await context.store.remove(layer.diffId);
  return { diffId, size, origin };
}

async function* writeEntries(
  layer: MadeLayer,
  entries: readonly IndexedEntry[],
  context: ResolveContext,
): AsyncGenerator<Uint8Array> {
  const reader = new LayerReader(context.store);
  try {
    for (const entry of entries) {
      const xattrs = Object.fromEntries(Object.entries(entry.xattrs).filter(([name]) => !ENGINE_XATTR.test(name)));
      yield encodeHeader({ ...entry, xattrs });
      if (entry.type !== 'file') continue;
      for (let at = 0; at < entry.size; at += CHUNK_BYTES) {
        const chunk = new Uint8Array(Math.min(CHUNK_BYTES, entry.size - at));
        await reader.read(layer, entry.offset + at, chunk);
        yield chunk;
      }
      yield new Uint8Array(tarPadding(entry.size));
    }
    yield TAR_END;
  } finally {
    await reader.close();
  }
}
