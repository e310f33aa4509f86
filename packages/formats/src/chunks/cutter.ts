import { FormatsError } from '../error.ts';

/** Sizes of the chunks that follow from one average; all in bytes. */
export interface ChunkSizes {
  minBytes: number;
  averageBytes: number;
  maxBytes: number;
}

/** Averages that can be cut with: below, the index outweighs what it saves; above, a changed byte costs too much. */
export const CHUNK_AVERAGE = { minBytes: 4096, maxBytes: 2 ** 20 } as const;

/**
 * The sizes for an average: a quarter of it at least, four times it at most. Throws FormatsError FORMAT_INPUT unless the
 * average is a power of two from 4 KiB to 1 MiB.
 */
export function chunkSizes(averageBytes: number): ChunkSizes {
  const { minBytes, maxBytes } = CHUNK_AVERAGE;
  if (averageBytes < minBytes || averageBytes > maxBytes || !Number.isInteger(Math.log2(averageBytes))) {
    throw new FormatsError({
      code: 'FORMAT_INPUT',
      message: `Chunks of ${averageBytes} bytes on average cannot be cut: it must be a power of two from ${minBytes} to ${maxBytes}`,
    });
  }
  return { minBytes: averageBytes / 4, averageBytes, maxBytes: averageBytes * 4 };
}

/** `bowl` in ASCII. The table is part of the format: another seed cuts elsewhere, and nothing is found again. */
const GEAR_SEED = 0x626f776c;
const GEAR = makeGear();

/**
 * Cuts bytes where their content says so, so that equal content is cut alike wherever it lies (Gear hash and normalised
 * chunking of FastCDC: Xia et al., "The Design of Fast Content-Defined Chunking for Data Deduplication", 2020). Fed with
 * buffers of any size, it gives the same chunks.
 *
 * A cut falls behind a byte when the top bits of the hash are zero: two bits more than the average asks for at first, two
 * fewer later, which keeps the sizes close to the average. Nothing within the first `minBytes` is looked at.
 */
export class ChunkCutter {
  readonly sizes: ChunkSizes;
  readonly #strict: number;
  readonly #loose: number;
  /** Where the looser rule begins; with it the sizes of random data average `averageBytes`. */
  readonly #turnBytes: number;
  #length = 0;
  #hash = 0;

  /** Throws as {@link chunkSizes}. */
  constructor(averageBytes: number) {
    this.sizes = chunkSizes(averageBytes);
    const bits = Math.log2(averageBytes);
    this.#strict = topBits(bits + 2);
    this.#loose = topBits(bits - 2);
    this.#turnBytes = averageBytes - this.sizes.minBytes;
  }

  /**
   * The index behind the last byte of the chunk that `bytes[from]` belongs to, or -1 when it goes on behind `bytes`: then
   * all of `bytes` was taken, and the next call continues. Where the data ends, the rest is the last chunk.
   */
  next(bytes: Uint8Array, from: number): number {
    const { minBytes, maxBytes } = this.sizes;
    const start = from - this.#length;
    const end = bytes.length;
    let at = Math.max(from, start + minBytes);
    let hash = this.#hash;
    const turn = Math.min(end, start + this.#turnBytes);
    const strict = this.#strict;
    for (; at < turn; at++) {
      hash = ((hash << 1) + (GEAR[bytes[at] as number] as number)) | 0;
      if ((hash & strict) === 0) return this.#cut(at + 1);
    }
    const last = Math.min(end, start + maxBytes);
    const loose = this.#loose;
    for (; at < last; at++) {
      hash = ((hash << 1) + (GEAR[bytes[at] as number] as number)) | 0;
      if ((hash & loose) === 0) return this.#cut(at + 1);
    }
    if (end >= start + maxBytes) return this.#cut(start + maxBytes);
    this.#length = end - start;
    this.#hash = hash;
    return -1;
  }

  /** Bytes taken since the last cut: the length of the last chunk when the data ends here. */
  get pendingBytes(): number {
    return this.#length;
  }

  #cut(end: number): number {
    this.#length = 0;
    this.#hash = 0;
    return end;
  }
}

function topBits(count: number): number {
  return (-1 << (32 - count)) | 0;
}

/** 256 words of a counter through the finaliser of MurmurHash3 (Appleby, public domain). */
function makeGear(): Int32Array {
  const gear = new Int32Array(256);
  for (let index = 0; index < 256; index++) {
    let word = (GEAR_SEED + Math.imul(index, 0x9e3779b9)) | 0;
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    gear[index] = word ^ (word >>> 16);
  }
  return gear;
}
