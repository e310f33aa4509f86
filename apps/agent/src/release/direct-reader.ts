import { constants } from 'node:fs';
import type { Region } from '../slots/slots.ts';
import { RegionFile } from './region-file.ts';

/** What disks and file systems want at most for transfers past the cache. */
const ALIGNMENT = 4096;

/**
 * Reads a region past the cache of the kernel, for verifying what was written: through the cache, memory would only be
 * compared with memory. Not all file systems can do without (tmpfs of old kernels); then it is read as usual.
 */
export class DirectReader {
  readonly #maxLength: number;
  readonly #space: Buffer;
  #file: RegionFile;
  #isDirect: boolean;
  /** Where transfers may begin in the buffer. */
  #shift = 0;
  #half = 0;

  private constructor(file: RegionFile, isDirect: boolean, maxLength: number) {
    this.#file = file;
    this.#isDirect = isDirect;
    this.#maxLength = maxLength;
    this.#space = Buffer.allocUnsafeSlow(2 * (maxLength + ALIGNMENT));
  }

  /** Opens a region for reads of at most `maxLength` bytes. Throws AgentError WRITE_FAILED. */
  static async open(region: Region, maxLength: number): Promise<DirectReader> {
    if (region.offsetBytes % ALIGNMENT === 0) {
      const file = await RegionFile.open(region, constants.O_RDONLY | constants.O_DIRECT).catch(() => undefined);
      if (file !== undefined) return new DirectReader(file, true, maxLength);
    }
    return new DirectReader(await RegionFile.open(region, 'r'), false, maxLength);
  }

  /** False: what was read may come from memory, not from the disk. */
  get isDirect(): boolean {
    return this.#isDirect;
  }

  /**
   * `length` bytes from `offset`, both multiples of 4096. Two buffers are used in turn: the bytes are valid until the call
   * after the next. Throws AgentError WRITE_FAILED.
   */
  async read(offset: number, length: number): Promise<Uint8Array> {
    // What the kernel wants of the address depends on the disk, and JavaScript does not show addresses: all are tried once.
    while (this.#isDirect && this.#shift < ALIGNMENT) {
      const part = this.#next(length);
      if (await this.#file.tryRead(part, offset)) return part;
      this.#shift += 16;
    }
    if (this.#isDirect) await this.#leaveDirect();
    const part = this.#next(length);
    await this.#file.read(part, offset);
    return part;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  #next(length: number): Buffer {
    this.#half = 1 - this.#half;
    const start = this.#half * (this.#maxLength + ALIGNMENT) + (this.#shift % ALIGNMENT);
    return this.#space.subarray(start, start + length);
  }

  async #leaveDirect(): Promise<void> {
    this.#isDirect = false;
    const file = await RegionFile.open(this.#file.region, 'r');
    await this.#file.close();
    this.#file = file;
  }
}
