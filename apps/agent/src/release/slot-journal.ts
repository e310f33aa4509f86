import { mkdir, readFile } from 'node:fs/promises';
import type { ChunkIndex } from '@bowline/formats';
import { writeFileAtomic } from '@bowline/host';
import type { Machine } from '../machine/machine.ts';
import { chunksInPlace } from './chunks-in-place.ts';
import { type IndexName, loadSlotIndex, SLOTS_FOLDER, saveSlotIndex } from './slot-index.ts';

/** Which chunks of which root a slot holds, durable. */
interface JournalText {
  version: 1;
  rootHash: string;
  averageBytes: number;
  /** Base64 of one bit for each chunk, the lowest first. */
  chunks: string;
}

const MAX_BYTES = 2 ** 20;

/**
 * What a slot holds, chunk by chunk: an interrupted write continues by it, and another release takes from it what lies in
 * its place already. It is only believed until the root hash is computed from the disk.
 */
export class SlotJournal {
  readonly #machine: Machine;
  readonly #path: string;
  readonly #name: IndexName;
  readonly #index: ChunkIndex;

  private constructor(machine: Machine, path: string, name: IndexName, index: ChunkIndex) {
    this.#machine = machine;
    this.#path = path;
    this.#name = name;
    this.#index = index;
  }

  /** The journal of a slot that is to hold a root, and the chunks of that root which are in their place. */
  static async open(
    machine: Machine,
    slot: string,
    name: IndexName,
    index: ChunkIndex,
  ): Promise<{ journal: SlotJournal; kept: Set<number> | undefined }> {
    const path = `${SLOTS_FOLDER}/${slot}.journal`;
    const journal = new SlotJournal(machine, path, name, index);
    const old = await readJournal(machine, path);
    if (old === undefined) return { journal, kept: undefined };
    const oldName = { rootHash: old.rootHash, averageBytes: old.averageBytes };
    const oldIndex = await loadSlotIndex(machine, oldName);
    if (oldIndex === undefined) return { journal, kept: undefined };
    const bits = Buffer.from(old.chunks, 'base64');
    const isThere = (chunk: number) => (((bits[chunk >> 3] ?? 0) >> (chunk & 7)) & 1) === 1;
    return { journal, kept: chunksInPlace(index, oldIndex, isThere) };
  }

  /** Says from now on which chunks are durable. */
  async start(isDone: (chunk: number) => boolean): Promise<void> {
    // A state partition that is full must not be in the way of the version that cures it: without a journal an interrupted
    // write starts over, and an old one is found out when the root hash is wrong.
    await saveSlotIndex(this.#machine, this.#name, this.#index).catch(() => undefined);
    await this.record(isDone);
  }

  /** Replaces what it says, if that can be done. */
  async record(isDone: (chunk: number) => boolean): Promise<void> {
    await this.#write(isDone).catch(() => undefined);
  }

  async #write(isDone: (chunk: number) => boolean): Promise<void> {
    const bits = new Uint8Array(Math.ceil(this.#index.count / 8));
    for (let chunk = 0; chunk < this.#index.count; chunk++) {
      if (isDone(chunk)) bits[chunk >> 3] = (bits[chunk >> 3] as number) | (1 << (chunk & 7));
    }
    const text: JournalText = { version: 1, ...this.#name, chunks: Buffer.from(bits).toString('base64') };
    await mkdir(this.#machine.locate(SLOTS_FOLDER), { recursive: true, mode: 0o700 });
    await writeFileAtomic(this.#machine.locate(this.#path), `${JSON.stringify(text)}\n`, 0o600);
  }
}

async function readJournal(machine: Machine, path: string): Promise<JournalText | undefined> {
  try {
    const text = await readFile(machine.locate(path), 'utf8');
    const value: unknown = text.length > MAX_BYTES ? undefined : JSON.parse(text);
    return isJournal(value) ? value : undefined;
  } catch {
    // None, or one that is damaged: everything is written anew.
    return undefined;
  }
}

function isJournal(value: unknown): value is JournalText {
  if (typeof value !== 'object' || value === null) return false;
  const { version, rootHash, averageBytes, chunks } = value as Partial<Record<keyof JournalText, unknown>>;
  const hasName = typeof rootHash === 'string' && /^[0-9a-f]{64}$/.test(rootHash) && Number.isInteger(averageBytes);
  return version === 1 && hasName && typeof chunks === 'string';
}
