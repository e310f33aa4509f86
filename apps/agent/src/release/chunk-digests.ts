import { hash } from 'node:crypto';
import type { ChunkIndex } from '@bowline/formats';

/** The digest of a chunk as a key of maps. */
export function digestKey(index: ChunkIndex, chunk: number): string {
  const { buffer, byteOffset } = index.digests;
  return Buffer.from(buffer, byteOffset + chunk * 32, 32).toString('latin1');
}

/** Whether these bytes are the chunk. */
export function isChunk(index: ChunkIndex, chunk: number, plain: Uint8Array): boolean {
  return plain.length === index.lengths[chunk] && hash('sha256', plain, 'latin1') === digestKey(index, chunk);
}
