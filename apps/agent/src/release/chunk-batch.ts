import type { FetchOptions } from './fetch-options.ts';

/** Bytes that are written at once: a call for each chunk would cost more than the chunk. */
const BATCH_BYTES = 2 ** 20;

/** Puts chunks that follow each other together into one write. */
export class ChunkBatch {
  readonly #put: FetchOptions['put'];
  #bytes: Uint8Array | undefined;
  #firstChunk = 0;
  #chunks = 0;
  #used = 0;

  constructor(put: FetchOptions['put']) {
    this.#put = put;
  }

  /** Takes a chunk; it is copied. */
  async add(chunk: number, plain: Uint8Array): Promise<void> {
    if (chunk !== this.#firstChunk + this.#chunks || this.#used + plain.length > BATCH_BYTES) await this.flush();
    if (plain.length > BATCH_BYTES) {
      await this.#put(chunk, 1, plain);
      return;
    }
    this.#bytes ??= Buffer.allocUnsafeSlow(BATCH_BYTES);
    if (this.#chunks === 0) this.#firstChunk = chunk;
    this.#bytes.set(plain, this.#used);
    this.#used += plain.length;
    this.#chunks += 1;
  }

  /** Writes what it holds. */
  async flush(): Promise<void> {
    const [chunks, used] = [this.#chunks, this.#used];
    this.#chunks = 0;
    this.#used = 0;
    if (chunks > 0 && this.#bytes !== undefined) {
      await this.#put(this.#firstChunk, chunks, this.#bytes.subarray(0, used));
    }
  }
}
