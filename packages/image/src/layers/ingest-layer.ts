import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type BlobStore, type Digest, HostError, type TaskProgress } from '@bowline/host';
import { ImageError } from '../error.ts';
import { DEFAULT_LAYER_LIMITS, type LayerLimits, type LayerRef } from '../sources/source.ts';
import { readBlobChunks } from './blob-reader.ts';
import { decompress, detectCompression, MAGIC_BYTES, type XzDecompressor } from './compression.ts';
import { hasLayerIndex, writeLayerIndex } from './layer-index-file.ts';
import { LayerIndexer, tooLarge } from './layer-indexer.ts';
import { peek } from './peek.ts';
import { rebuildLayerIndex } from './read-layer-index.ts';
import { SeenFiles } from './seen-files.ts';

/** Below this, any ratio is accepted: small archives of zeros are common and harmless. */
const RATIO_FREE_BYTES = 64 * 2 ** 20;

export interface IngestOptions {
  /** The packed or plain tar: a stream, or a file (also a blob of a store). */
  source: { kind: 'stream'; stream: AsyncIterable<Uint8Array> } | { kind: 'file'; path: string };
  /** For messages and the layer's `origin`: where it came from. */
  origin: string;
  /** Digest of the uncompressed tar, when it is known; anything else is refused. */
  diffId?: Digest | undefined;
  limits?: LayerLimits | undefined;
  /** Unpacks xz; without it an xz layer is refused (TOOL_MISSING). */
  xz?: XzDecompressor | undefined;
  progress?: Pick<TaskProgress, 'bytes'> | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Brings a layer into the store in one pass over its bytes: unpacked, hashed, held to the limits, read as a tar, its index
 * kept with it. A layer that is there already (by `diffId`, or a file that has not changed since) is not read.
 *
 * @throws ImageError LAYER_INVALID (damaged, cut off, hostile, or not `diffId`), LAYER_TOO_LARGE, TOOL_MISSING
 * @throws HostError ABORTED | DISK_FULL
 */
export async function ingestLayer(options: IngestOptions, store: BlobStore): Promise<LayerRef> {
  const known = options.diffId === undefined ? undefined : await findLayer(store, options.diffId, options);
  if (known !== undefined) return known;
  const { source } = options;
  if (source.kind === 'stream') return ingestStream(source.stream, undefined, options, store);

  const path = resolve(source.path);
  const stats = await statSource(path, options.origin);
  const seenFiles = store.folder === undefined ? undefined : new SeenFiles(join(store.folder, 'seen'));
  const seen = await seenFiles?.find(path, stats);
  const unchanged = seen === undefined ? undefined : await findLayer(store, seen.diffId, options);
  if (unchanged !== undefined && (options.diffId === undefined || options.diffId === unchanged.diffId)) {
    return unchanged;
  }
  const layer =
    (await adoptPlainTar(path, Number(stats.size), options, store)) ??
    (await ingestStream(readBlobChunks(path), Number(stats.size), options, store));
  // A hard link moves the change time: what is remembered is the state after it, if the content was not touched.
  const after = await statSource(path, options.origin);
  if (after.mtimeNs === stats.mtimeNs && after.size === stats.size) await seenFiles?.remember(path, after, layer);
  return layer;
}

/** A layer of the store that is what its digest says, with a current index. */
async function findLayer(store: BlobStore, diffId: Digest, options: IngestOptions): Promise<LayerRef | undefined> {
  if (!(await store.has(diffId))) return undefined;
  const layer: LayerRef = { diffId, size: await store.size(diffId), origin: options.origin };
  if (await hasLayerIndex(store, layer)) return layer;
  try {
    await rebuildLayerIndex(store, layer, options.limits ?? DEFAULT_LAYER_LIMITS);
    return layer;
  } catch (error) {
    // Changed on disk, and removed by now: the source has it.
    if (!(await store.has(diffId))) return undefined;
    throw error;
  }
}

/** Takes an uncompressed local tar without copying it, where the file system can; one read hashes and indexes it. */
async function adoptPlainTar(
  path: string,
  size: number,
  options: IngestOptions,
  store: BlobStore,
): Promise<LayerRef | undefined> {
  const head = await readHead(path, options.origin);
  if (store.adoptFile === undefined || detectCompression(head, options.origin) !== 'none') return undefined;
  const indexer = new LayerIndexer(options.origin, options.limits ?? DEFAULT_LAYER_LIMITS);
  let blocks: readonly string[] = [];
  const read = async (shared: string): Promise<Digest> => {
    const hash = createHash('sha256');
    let done = 0;
    for await (const chunk of readBlobChunks(shared)) {
      if (options.signal?.aborted) {
        const message = `reading ${options.origin} was stopped`;
        throw new HostError({ code: 'ABORTED', message, cause: options.signal.reason });
      }
      hash.update(chunk);
      indexer.push(chunk);
      done += chunk.length;
      options.progress?.bytes(done, size);
    }
    blocks = indexer.finish({ requireEnd: options.diffId === undefined });
    return `sha256:${hash.digest('hex')}`;
  };
  const stored = await explainMismatch(options, async () =>
    store.adoptFile?.(path, read, options.diffId === undefined ? {} : { expected: options.diffId }),
  );
  if (stored === undefined) return undefined;
  const layer: LayerRef = { diffId: stored.digest, size: stored.size, origin: options.origin };
  await writeLayerIndex(store, layer, indexer.entryCount, blocks);
  return layer;
}

async function ingestStream(
  packed: AsyncIterable<Uint8Array>,
  packedTotal: number | undefined,
  options: IngestOptions,
  store: BlobStore,
): Promise<LayerRef> {
  const { origin, diffId, signal } = options;
  const limits = options.limits ?? DEFAULT_LAYER_LIMITS;
  const indexer = new LayerIndexer(origin, limits);
  const counter = { packed: 0, unpacked: 0 };
  const counted = countBytes(packed, counter, (done) => options.progress?.bytes(done, packedTotal));
  const { head, stream } = await peek(counted, MAGIC_BYTES);
  const compression = detectCompression(head, origin);

  let blocks: readonly string[] = [];
  async function* tap(): AsyncGenerator<Uint8Array> {
    for await (const chunk of decompress(stream, compression, { origin, xz: options.xz })) {
      counter.unpacked += chunk.length;
      if (compression !== 'none' && counter.unpacked > RATIO_FREE_BYTES) {
        if (counter.unpacked > counter.packed * limits.maxRatio) {
          throw tooLarge(origin, `unpacks to more than ${limits.maxRatio} times its size`, 'maxRatio');
        }
      }
      indexer.push(chunk);
      yield chunk;
    }
    // A digest proves the end better than the end marker, which some writers leave out.
    blocks = indexer.finish({ requireEnd: diffId === undefined });
  }

  const stored = await explainMismatch(options, () =>
    store.ingest(tap(), {
      ...(diffId === undefined ? {} : { expected: diffId }),
      ...(signal === undefined ? {} : { signal }),
    }),
  );
  const layer: LayerRef = { diffId: stored.digest, size: stored.size, origin };
  await writeLayerIndex(store, layer, indexer.entryCount, blocks);
  return layer;
}

/** Says which layer it was that did not match. */
async function explainMismatch<T>(options: IngestOptions, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof HostError) || cause.code !== 'BLOB_MISMATCH') throw cause;
    throw new ImageError({
      code: 'LAYER_INVALID',
      message: `${options.origin}: ${cause.message}`,
      hint: cause.hint,
      details: cause.details,
      cause,
    });
  }
}

async function statSource(path: string, origin: string): Promise<BigIntStats> {
  const stats = await explainUnreadable(path, origin, () => stat(path, { bigint: true }));
  if (stats.isFile()) return stats;
  throw new ImageError({
    code: 'SOURCE_MISSING',
    message: `${origin}: ${path} is not a file`,
    hint: 'A tar is wanted here (plain, gz, xz or zst): make one with `tar -C FOLDER --xattrs -cf FILE .`',
  });
}

async function readHead(path: string, origin: string): Promise<Uint8Array> {
  const handle = await explainUnreadable(path, origin, () => open(path, 'r'));
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(MAGIC_BYTES), 0, MAGIC_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function explainUnreadable<T>(path: string, origin: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new ImageError({
      code: 'SOURCE_MISSING',
      message: `${origin}: cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: 'Check the path and its permissions; relative paths in a bowl start at its folder.',
      cause,
    });
  }
}

async function* countBytes(
  stream: AsyncIterable<Uint8Array>,
  counter: { packed: number },
  report: (done: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    counter.packed += chunk.length;
    report(counter.packed);
    yield chunk;
  }
}
