import type { RegionFile } from './region-file.ts';

const SLICE_BYTES = 2 ** 20;

/** The bytes of a region in order, so many of them at once as the reader wants to see in one piece. */
export class SliceWindow {
  readonly #file: RegionFile;
  readonly #sizeBytes: number;
  readonly #signal: AbortSignal;
  #buffer = Buffer.allocUnsafeSlow(0);
  #from = 0;
  #end = 0;
  /** Offset in the region of the byte behind the buffer's last one. */
  #readTo = 0;

  /** The first `sizeBytes` of the region. */
  constructor(file: RegionFile, sizeBytes: number, signal: AbortSignal) {
    this.#file = file;
    this.#sizeBytes = sizeBytes;
    this.#signal = signal;
  }

  /** What comes next: `length` bytes or more, fewer at the end; valid until the next call. Throws AgentError WRITE_FAILED. */
  async atLeast(length: number): Promise<Uint8Array> {
    if (this.#end - this.#from < length && this.#readTo < this.#sizeBytes) await this.#fill(length);
    return this.#buffer.subarray(this.#from, this.#end);
  }

  /** Goes on behind these bytes. */
  skip(length: number): void {
    this.#from += length;
  }

  async #fill(length: number): Promise<void> {
    this.#signal.throwIfAborted();
    const left = this.#buffer.subarray(this.#from, this.#end);
    if (this.#buffer.length < length + SLICE_BYTES) this.#buffer = Buffer.allocUnsafeSlow(length + SLICE_BYTES);
    this.#buffer.set(left);
    this.#from = 0;
    this.#end = left.length;
    const room = Math.min(this.#buffer.length - this.#end, this.#sizeBytes - this.#readTo);
    await this.#file.read(this.#buffer.subarray(this.#end, this.#end + room), this.#readTo);
    this.#end += room;
    this.#readTo += room;
  }
}
