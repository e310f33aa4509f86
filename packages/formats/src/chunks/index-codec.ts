import { ByteReader } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';
import { CHUNK_AVERAGE } from './cutter.ts';

/** A chunk of a root as it lies in the blob of chunks. */
export interface Chunk {
  lengthBytes: number;
  /** Bytes in the blob: a zstd frame, or the chunk itself when equal to `lengthBytes`. */
  storedBytes: number;
  /** 32 bytes, of the plain chunk. */
  sha256: Uint8Array;
}

/** The chunks of a root in order. Columns, because a root of 1 GiB has 16 384 chunks, and the machine holds two indexes. */
export interface ChunkIndex {
  count: number;
  rootBytes: number;
  /** Size of the blob of chunks. */
  storedBytes: number;
  lengths: Uint32Array;
  storedLengths: Uint32Array;
  /** Where each chunk starts in the root. */
  offsets: Float64Array;
  /** Where each chunk starts in the blob of chunks. */
  storedOffsets: Float64Array;
  /** 32 bytes for each chunk. */
  digests: Uint8Array;
}

/** Most chunks of an index: 64 GiB at 64 KiB each. */
export const MAX_CHUNKS = 2 ** 20;
/** Longest chunk an index may name; whoever unpacks one allocates that much. */
export const MAX_CHUNK_BYTES = 4 * CHUNK_AVERAGE.maxBytes;
const HEADER_BYTES = 20;
const ROW_BYTES = 40;
/** Bytes of the largest index there can be: the limit for reading one whole. */
export const MAX_CHUNK_INDEX_BYTES = HEADER_BYTES + MAX_CHUNKS * ROW_BYTES;
const MAGIC = 'BWLCIDX1';

/** The index of chunks in order. Throws FormatsError FORMAT_INPUT for what an index cannot hold. */
export function buildChunkIndex(chunks: readonly Chunk[]): ChunkIndex {
  if (chunks.length === 0 || chunks.length > MAX_CHUNKS) throw input(`${chunks.length} chunks`);
  const index = emptyIndex(chunks.length);
  for (const [at, chunk] of chunks.entries()) {
    if (chunk.sha256.length !== 32) throw input(`a digest of ${chunk.sha256.length} bytes`);
    const wrong = putChunk(index, at, chunk);
    if (wrong !== undefined) throw input(wrong);
  }
  return index;
}

/** The bytes of an index: `BWLCIDX1`, u32 chunks, u64 bytes of the root; for each chunk u32 length, u32 stored length, sha256. */
export function encodeChunkIndex(index: ChunkIndex): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + index.count * ROW_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint32(8, index.count, true);
  view.setBigUint64(12, BigInt(index.rootBytes), true);
  for (let at = 0; at < index.count; at++) {
    const row = HEADER_BYTES + at * ROW_BYTES;
    view.setUint32(row, index.lengths[at] as number, true);
    view.setUint32(row + 4, index.storedLengths[at] as number, true);
    bytes.set(index.digests.subarray(at * 32, at * 32 + 32), row + 8);
  }
  return bytes;
}

/**
 * Reads an index from hostile bytes: as many chunks as it says and nothing behind them, lengths from 1 byte to 4 MiB, no chunk
 * stored longer than it is, and a sum that gives the root.
 *
 * @throws FormatsError FORMAT_INVALID | FORMAT_TRUNCATED | FORMAT_LIMIT
 */
export function parseChunkIndex(bytes: Uint8Array): ChunkIndex {
  const reader = new ByteReader(bytes, 'chunk index');
  if (reader.latin1(0, 8) !== MAGIC) throw invalid('the signature is missing');
  const count = reader.u32(8);
  const rootBytes = reader.size64(12);
  if (count === 0) throw invalid('it names no chunk');
  if (count > MAX_CHUNKS) {
    throw new FormatsError({
      code: 'FORMAT_LIMIT',
      message: `chunk index: ${count} chunks; the limit is ${MAX_CHUNKS}`,
    });
  }
  const rows = reader.slice(HEADER_BYTES, count * ROW_BYTES);
  const rest = bytes.length - HEADER_BYTES - rows.length;
  if (rest !== 0) throw invalid(`${rest} bytes follow the last chunk`);
  const index = emptyIndex(count);
  for (let at = 0; at < count; at++) {
    const row = HEADER_BYTES + at * ROW_BYTES;
    const sha256 = bytes.subarray(row + 8, row + 40);
    const chunk = { lengthBytes: reader.u32(row), storedBytes: reader.u32(row + 4), sha256 };
    const wrong = putChunk(index, at, chunk);
    if (wrong !== undefined) throw invalid(`chunk ${at}: ${wrong}`);
  }
  if (index.rootBytes !== rootBytes) {
    throw invalid(`the chunks make ${index.rootBytes} bytes, but the root has ${rootBytes}`);
  }
  return index;
}

function emptyIndex(count: number): ChunkIndex {
  return {
    count,
    rootBytes: 0,
    storedBytes: 0,
    lengths: new Uint32Array(count),
    storedLengths: new Uint32Array(count),
    offsets: new Float64Array(count),
    storedOffsets: new Float64Array(count),
    digests: new Uint8Array(count * 32),
  };
}

/** Appends a chunk; what is wrong with it, if anything. */
function putChunk(index: ChunkIndex, at: number, chunk: Chunk): string | undefined {
  const { lengthBytes, storedBytes, sha256 } = chunk;
  if (!(lengthBytes >= 1 && lengthBytes <= MAX_CHUNK_BYTES)) return `a length of ${lengthBytes} bytes`;
  if (!(storedBytes >= 1 && storedBytes <= lengthBytes)) return `${storedBytes} bytes stored for ${lengthBytes}`;
  index.lengths[at] = lengthBytes;
  index.storedLengths[at] = storedBytes;
  index.offsets[at] = index.rootBytes;
  index.storedOffsets[at] = index.storedBytes;
  index.digests.set(sha256, at * 32);
  index.rootBytes += lengthBytes;
  index.storedBytes += storedBytes;
  return undefined;
}

function invalid(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INVALID', message: `chunk index: ${why}` });
}

function input(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INPUT', message: `A chunk index cannot hold ${why}` });
}
