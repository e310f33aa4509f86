import type { ChunkIndex } from '@bowline/formats';
import type { Region } from '../slots/slots.ts';
import { RegionFile } from './region-file.ts';
import type { SlotJournal } from './slot-journal.ts';

/** After so many bytes what was written is made durable, and the journal says so: little is lost, little stays in memory. */
const DEFAULT_STEP_BYTES = 64 * 2 ** 20;
const BLOCK = 4096;

/** How a root is made durable. */
interface RootFileOptions {
  journal: SlotJournal | undefined;
  stepBytes: number | undefined;
}

/** The root that is being written: chunks at their places, and which of them are there. */
export class RootFile {
  readonly index: ChunkIndex;
  readonly #file: RegionFile;
  readonly #journal: SlotJournal | undefined;
  readonly #stepBytes: number;
  readonly #done: Uint8Array;
  #sinceStep = 0;
  #step: Promise<void> = Promise.resolve();

  private constructor(file: RegionFile, index: ChunkIndex, options: RootFileOptions) {
    this.#file = file;
    this.index = index;
    this.#journal = options.journal;
    this.#stepBytes = options.stepBytes ?? DEFAULT_STEP_BYTES;
    this.#done = new Uint8Array(index.count);
  }

  /** Throws AgentError WRITE_FAILED | NO_SPACE. */
  static async open(region: Region, index: ChunkIndex, options: RootFileOptions): Promise<RootFile> {
    return new RootFile(await RegionFile.open(region, 'r+'), index, options);
  }

  isDone(chunk: number): boolean {
    return this.#done[chunk] === 1;
  }

  /** Says that a chunk is in its place, or that it is not after all. */
  mark(chunk: number, isDone: boolean): void {
    this.#done[chunk] = isDone ? 1 : 0;
  }

  /** Writes consecutive chunks. Throws AgentError WRITE_FAILED | NO_SPACE. */
  async put(firstChunk: number, chunks: number, plain: Uint8Array): Promise<void> {
    await this.#file.write(plain, this.index.offsets[firstChunk] as number);
    for (let chunk = firstChunk; chunk < firstChunk + chunks; chunk++) this.mark(chunk, true);
    this.#sinceStep += plain.length;
    if (this.#sinceStep < this.#stepBytes) return;
    this.#sinceStep = 0;
    await this.flush();
  }

  /** The bytes of a chunk that was put. Throws AgentError WRITE_FAILED. */
  async get(chunk: number): Promise<Uint8Array> {
    const plain = Buffer.allocUnsafeSlow(this.index.lengths[chunk] as number);
    await this.#file.read(plain, this.index.offsets[chunk] as number);
    return plain;
  }

  /** Fills the last block, which verity covers as a whole, with zeros. Throws as `put`. */
  async pad(): Promise<void> {
    const end = this.index.rootBytes;
    const missing = Math.ceil(end / BLOCK) * BLOCK - end;
    if (missing > 0) await this.#file.write(new Uint8Array(missing), end);
  }

  /** Makes durable what was put, then says so in the journal. Throws as `put`. */
  flush(): Promise<void> {
    const next = this.#step.then(async () => {
      // Chunks that arrive while the disk works belong to the next step.
      const durable = this.#done.slice();
      await this.#file.flush();
      await this.#journal?.record((chunk) => durable[chunk] === 1);
    });
    this.#step = next.catch(() => undefined);
    return next;
  }

  async close(): Promise<void> {
    await this.#step;
    await this.#file.close();
  }
}
