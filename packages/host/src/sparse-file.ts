import { createHash, type Hash } from 'node:crypto';
import { ftruncateSync, readSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import type { Digest } from './blob-store.ts';
import { abortedError } from './error.ts';
import { type CopySource, tooShort } from './sparse-copy.ts';

const CHUNK_BYTES = 2 ** 20;
/** Stays in a core's second-level cache while it is hashed again and again. */
const ZERO_BYTES = 128 * 2 ** 10;
/** So many chunks are worked on before others get their turn. */
const CHUNKS_PER_TURN = 8;

/** What a sparse file is made for. */
export interface SparseFileOptions {
  /** Compute the sha256 while writing. */
  hash: boolean;
  signal?: AbortSignal | undefined;
}

/**
 * A new file, written from its start to its end; what is not written stays a hole. Hashing on the way spares reading it
 * again, holes above all: the system fills memory with zeros for each of them. Reads and writes are done at once, for
 * handing pages that are in memory to another thread costs more. A full disk
 * shows as the system's error: callers know which folder people should hear of. Close it on every path.
 */
export class SparseFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #hash: Hash | undefined;
  readonly #zeros = Buffer.alloc(ZERO_BYTES);
  readonly #signal: AbortSignal | undefined;
  #buffer: Buffer | undefined;
  #position = 0;
  #chunks = 0;

  private constructor(path: string, handle: FileHandle, options: SparseFileOptions) {
    this.#path = path;
    this.#handle = handle;
    this.#hash = options.hash ? createHash('sha256') : undefined;
    this.#signal = options.signal;
  }

  /** Throws when the path exists. */
  static async create(path: string, options: SparseFileOptions): Promise<SparseFile> {
    return new SparseFile(path, await open(path, 'wx'), options);
  }

  /** Writes bytes at an offset, which must not be before the end of what was written. Throws HostError ABORTED. */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    await this.#skipTo(offset);
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) await this.#append(bytes.subarray(at, at + CHUNK_BYTES));
  }

  /** Like {@link write}, with bytes of another file. Throws HostError FILE_TOO_SHORT | ABORTED. */
  async copy(offset: number, from: CopySource): Promise<void> {
    await this.#skipTo(offset);
    const source = await open(from.path, 'r');
    try {
      const start = from.offsetBytes ?? 0;
      const length = from.lengthBytes ?? Math.max(0, (await source.stat()).size - start);
      this.#buffer ??= Buffer.allocUnsafeSlow(CHUNK_BYTES);
      for (let done = 0; done < length; ) {
        const count = readSync(source.fd, this.#buffer, 0, Math.min(CHUNK_BYTES, length - done), start + done);
        if (count === 0) throw tooShort(from.path, start + length, start + done);
        await this.#append(this.#buffer.subarray(0, count));
        done += count;
      }
    } finally {
      await source.close();
    }
  }

  /** Gives the file its size and makes it durable; the digest is that of the whole file, if it was asked for. */
  async finish(sizeBytes: number): Promise<{ sizeBytes: number; digest: Digest | undefined }> {
    await this.#skipTo(sizeBytes);
    ftruncateSync(this.#handle.fd, sizeBytes);
    await this.#handle.sync();
    return { sizeBytes, digest: this.#hash === undefined ? undefined : `sha256:${this.#hash.digest('hex')}` };
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #skipTo(offset: number): Promise<void> {
    if (offset < this.#position) throw new RangeError(`${this.#path} is written at ${offset} after ${this.#position}`);
    while (this.#hash !== undefined && this.#position < offset) {
      const count = Math.min(ZERO_BYTES, offset - this.#position);
      this.#hash.update(count === ZERO_BYTES ? this.#zeros : this.#zeros.subarray(0, count));
      this.#position += count;
      await this.#takeTurns(count);
    }
    this.#position = offset;
  }

  async #append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.#handle.fd, bytes, done, bytes.length - done, this.#position + done);
    this.#hash?.update(bytes);
    this.#position += bytes.length;
    await this.#takeTurns(bytes.length);
  }

  async #takeTurns(bytes: number): Promise<void> {
    this.#chunks += bytes / CHUNK_BYTES;
    if (this.#chunks < CHUNKS_PER_TURN) return;
    this.#chunks = 0;
    await setImmediate();
    if (this.#signal?.aborted) throw abortedError(`writing ${this.#path}`, this.#signal);
  }
}
