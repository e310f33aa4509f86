import { constants, zstdDecompressSync } from 'node:zlib';
import type { ChunkIndex } from '@bowline/formats';
import { isChunk } from './chunk-digests.ts';

/** Most memory a frame may ask for: 2^23 bytes, twice the longest chunk there is. */
const OPTIONS = { params: { [constants.ZSTD_d_windowLogMax]: 23 } };

/**
 * The plain bytes of a chunk as it was stored; undefined when they are not what the index promises. A frame that would become
 * longer is given up there.
 */
export function unpackChunk(index: ChunkIndex, chunk: number, stored: Uint8Array): Uint8Array | undefined {
  const length = index.lengths[chunk] as number;
  const plain = stored.length === length ? stored : inflate(stored, length);
  return plain !== undefined && isChunk(index, chunk, plain) ? plain : undefined;
}

function inflate(stored: Uint8Array, maxOutputLength: number): Uint8Array | undefined {
  try {
    return zstdDecompressSync(stored, { ...OPTIONS, maxOutputLength });
  } catch {
    return undefined;
  }
}
