import { type BytePath, displayPath, encodeHeader, MAX_PATH_BYTES, TAR_END, tarPadding } from '@bowline/formats';
import { type BlobStore, HostError } from '@bowline/host';
import { ImageError } from '../error.ts';
import { LayerReader } from './layer-reader.ts';
import { type Inode, type MergedTree, walkTree } from './merged-tree.ts';

/** Size of the chunks that {@link emitTar} yields; a layer is read in pieces of at most this. */
const CHUNK_BYTES = 2 ** 20;

/** Buffers that take turns when chunks are used again: one being filled, the others on their way to a reader. */
const RING_SIZE = 4;

export interface EmitOptions {
  signal?: AbortSignal | undefined;
  onBytes?: ((doneBytes: number) => void) | undefined;
  /**
   * Use chunk buffers again, for a reader that is done with a chunk before it asks for the third one after it. Fresh
   * buffers cost a third of the CPU time of the whole emission in garbage collection.
   */
  reuseChunks?: boolean | undefined;
}

/**
 * The tree as one tar, in path order and in chunks of 1 MiB; the same tree always gives the same bytes. In each hard link
 * group the first name carries the bytes and the others follow as links to it. The root itself is not in it.
 *
 * @throws ImageError LAYER_INVALID when a path grew too long through links, or the store lost bytes
 * @throws HostError ABORTED | BLOB_MISSING
 */
export async function* emitTar(
  tree: MergedTree,
  store: BlobStore,
  options: EmitOptions = {},
): AsyncGenerator<Uint8Array> {
  const reader = new LayerReader(store);
  const firstNames = new Map<Inode, BytePath>();
  const ring: Buffer[] = [];
  let turn = 0;
  const nextChunk = (): Buffer => {
    if (options.reuseChunks !== true) return Buffer.allocUnsafeSlow(CHUNK_BYTES);
    turn = (turn + 1) % RING_SIZE;
    ring[turn] ??= Buffer.allocUnsafeSlow(CHUNK_BYTES);
    return ring[turn] as Buffer;
  };
  let chunk = nextChunk();
  let filled = 0;
  let done = 0;
  /** Room for at least one byte; yields the chunk when it is full. */
  function* room(): Generator<Uint8Array> {
    if (filled < CHUNK_BYTES) return;
    if (options.signal?.aborted) {
      throw new HostError({
        code: 'ABORTED',
        message: 'composing the root file system was stopped',
        cause: options.signal.reason,
      });
    }
    done += filled;
    options.onBytes?.(done);
    yield chunk;
    chunk = nextChunk();
    filled = 0;
  }
  function* append(bytes: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length; ) {
      yield* room();
      const count = Math.min(CHUNK_BYTES - filled, bytes.length - at);
      chunk.set(count === bytes.length ? bytes : bytes.subarray(at, at + count), filled);
      filled += count;
      at += count;
    }
  }
  function* zeros(count: number): Generator<Uint8Array> {
    for (let left = count; left > 0; ) {
      yield* room();
      const step = Math.min(CHUNK_BYTES - filled, left);
      chunk.fill(0, filled, filled + step);
      filled += step;
      left -= step;
    }
  }
  async function* stored(inode: Inode, from: number, length: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < length; ) {
      yield* room();
      const count = Math.min(CHUNK_BYTES - filled, length - at);
      if (inode.layer === undefined) throw new Error('a file without a layer has stored bytes');
      await reader.read(inode.layer, from + at, chunk.subarray(filled, filled + count));
      filled += count;
      at += count;
    }
  }

  try {
    for (const { path, node } of walkTree(tree)) {
      if (path === '') continue;
      if (path.length > MAX_PATH_BYTES) {
        throw new ImageError({
          code: 'LAYER_INVALID',
          message: `the path "${displayPath(path)}" is longer than ${MAX_PATH_BYTES} bytes`,
        });
      }
      const { inode } = node;
      const { meta } = inode;
      const first = inode.names > 1 ? firstNames.get(inode) : undefined;
      if (first !== undefined) {
        yield* append(encodeHeader({ ...meta, path, type: 'hardlink', linkname: first, size: 0 }));
        continue;
      }
      if (inode.names > 1) firstNames.set(inode, path);
      yield* append(encodeHeader(meta.path === path ? meta : { ...meta, path }));
      if (meta.type !== 'file' || meta.size === 0) continue;
      if (inode.bytes !== undefined) {
        yield* append(inode.bytes);
      } else if (meta.sparse === undefined) {
        yield* stored(inode, meta.offset, meta.size);
      } else {
        let position = 0;
        let from = meta.offset;
        for (const [offset, length] of meta.sparse) {
          yield* zeros(offset - position);
          yield* stored(inode, from, length);
          from += length;
          position = offset + length;
        }
        yield* zeros(meta.size - position);
      }
      yield* zeros(tarPadding(meta.size));
    }
    yield* append(TAR_END);
    if (filled > 0) yield chunk.subarray(0, filled);
    options.onBytes?.(done + filled);
  } finally {
    await reader.close();
  }
}
