import type { ChunkIndex } from '@bowline/formats';
import { PassingFailure } from '../download/request.ts';
import { ChunkBatch } from './chunk-batch.ts';
import type { Release } from './contract.ts';
import type { FetchOptions } from './fetch-options.ts';
import type { FetchRange } from './fetch-ranges.ts';
import { DAMAGED_TRIES, damaged } from './read-blob.ts';
import { Tries } from './transfer.ts';
import { unpackChunk } from './unpack-chunk.ts';

/** The server sends the whole blob although part of it was asked for. */
export class NoRangesError extends Error {}

type RangeOptions = FetchOptions & {
  /** False: NoRangesError is thrown instead of reading the whole blob. */
  acceptsWhole: boolean;
};

/**
 * Fetches the chunks of one range. A connection that breaks off is continued at the byte where it did; a chunk that is not
 * what the index says is fetched again. Throws as `fetchChunks`, and NoRangesError.
 */
export async function fetchRange(
  release: Release,
  index: ChunkIndex,
  range: FetchRange,
  options: RangeOptions,
): Promise<void> {
  const reader = new RangeReader(release, index, range, options);
  const tries = new Tries(release.limits, `the chunks of ${release.origin}`, options.signal);
  while (!reader.isDone) {
    const before = reader.position;
    try {
      await reader.run();
    } catch (error) {
      if (error instanceof NoRangesError) throw error;
      // What arrived whole stays, whatever happens next.
      await reader.settle();
      if (reader.position - before >= release.limits.stallMinBytes) tries.progressed();
      await tries.failed(error);
    }
  }
  await reader.settle();
}

class RangeReader {
  readonly #release: Release;
  readonly #index: ChunkIndex;
  readonly #range: FetchRange;
  readonly #options: RangeOptions;
  readonly #batch: ChunkBatch;
  /** Place in `range.chunks` of the chunk that is being read. */
  #next = 0;
  /** What of that chunk is here. */
  #held: Uint8Array;
  #heldBytes = 0;
  #damages = 0;

  constructor(release: Release, index: ChunkIndex, range: FetchRange, options: RangeOptions) {
    this.#release = release;
    this.#index = index;
    this.#range = range;
    this.#options = options;
    this.#batch = new ChunkBatch(options.put);
    this.#held = new Uint8Array(0);
  }

  get isDone(): boolean {
    return this.#next === this.#range.chunks.length;
  }

  /** Offset in the blob of the next byte that is needed. */
  get position(): number {
    const chunk = this.#range.chunks[this.#next];
    return chunk === undefined ? this.#range.end : (this.#index.storedOffsets[chunk] as number) + this.#heldBytes;
  }

  /** Hands over all that is whole. */
  settle(): Promise<void> {
    return this.#batch.flush();
  }

  /** Reads until all is there; throws where the connection breaks off. */
  async run(): Promise<void> {
    const { rate, onBytes, acceptsWhole } = this.#options;
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, stop.signal]);
    try {
      const wanted = this.position;
      const stream = await this.#release.openChunks({ start: wanted, end: this.#range.end }, signal);
      if (stream.start !== wanted && !acceptsWhole) throw new NoRangesError();
      let at = stream.start;
      for await (const piece of stream.bytes) {
        onBytes(piece.length);
        await rate.take(piece.length, signal);
        await this.#take(piece, at);
        at += piece.length;
        if (this.isDone) return;
      }
      throw new PassingFailure('it ended too early');
    } finally {
      // Closes the connection when not all of it was read.
      stop.abort();
    }
  }

  async #take(piece: Uint8Array, pieceStart: number): Promise<void> {
    for (;;) {
      const chunk = this.#range.chunks[this.#next];
      if (chunk === undefined) return;
      const from = Math.max(0, this.position - pieceStart);
      if (from >= piece.length) return;
      const size = this.#index.storedLengths[chunk] as number;
      if (this.#held.length < size) this.#held = growTo(this.#held, this.#heldBytes, size);
      const part = piece.subarray(from, from + size - this.#heldBytes);
      this.#held.set(part, this.#heldBytes);
      this.#heldBytes += part.length;
      if (this.#heldBytes === size) await this.#complete(chunk, size);
    }
  }

  async #complete(chunk: number, size: number): Promise<void> {
    const plain = unpackChunk(this.#index, chunk, this.#held.subarray(0, size));
    this.#heldBytes = 0;
    if (plain === undefined) {
      this.#damages += 1;
      const { origin } = this.#release;
      if (this.#damages >= DAMAGED_TRIES)
        throw damaged(`chunk ${chunk}`, origin, 'its content is not what it should be');
      throw new PassingFailure(`chunk ${chunk} arrived damaged`);
    }
    this.#damages = 0;
    this.#next += 1;
    await this.#batch.add(chunk, plain);
  }
}

function growTo(held: Uint8Array, heldBytes: number, size: number): Uint8Array {
  const larger = Buffer.allocUnsafeSlow(size);
  larger.set(held.subarray(0, heldBytes));
  return larger;
}
