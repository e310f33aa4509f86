import { FormatsError } from '../error.ts';
import { planVerityTree, VERITY_BLOCK, type VerityTreePlan } from './tree-plan.ts';
import { encodeVeritySuperblock } from './write-superblock.ts';

/** What a tree is made with; the machine takes it from the release, the build from the superblock. */
export interface VerityTreeOptions {
  /** Blocks of 4096 bytes that will be added. */
  dataBlocks: number;
  /** At most 256 bytes, put before every block that is hashed. */
  salt: Uint8Array;
  uuid: string;
  /** SHA-256 of a salted block: 32 bytes, which are copied before the next call. The block is valid during the call only. */
  sha256: (saltedBlock: Uint8Array) => Uint8Array;
  /**
   * Takes 4096 bytes of the hash area for `offset`, as soon as they are final: the superblock first, then the blocks of all
   * levels, interleaved. The bytes are valid during the call only.
   */
  write: (offset: number, block: Uint8Array) => void;
}

/**
 * Builds the hash area of a device, byte for byte what `veritysetup format` writes (cryptsetup wiki, "DMVerity", format 1,
 * SHA-256, blocks of 4096 bytes), while the data passes by. Holds one block for each level.
 */
export class VerityTreeBuilder {
  readonly plan: VerityTreePlan;
  readonly #options: VerityTreeOptions;
  readonly #salted: Uint8Array;
  readonly #levels: { offset: number; block: Uint8Array; used: number; written: number }[];
  #added = 0;
  #root: Uint8Array | undefined;

  /** Throws FormatsError FORMAT_INPUT for a salt that is too long or a number of blocks that cannot be. */
  constructor(options: VerityTreeOptions) {
    const { salt, dataBlocks } = options;
    this.plan = planVerityTree(dataBlocks);
    this.#options = options;
    this.#salted = new Uint8Array(salt.length + VERITY_BLOCK);
    this.#salted.set(salt);
    this.#levels = this.plan.levels.map(({ offset }) => ({
      offset,
      block: new Uint8Array(VERITY_BLOCK),
      used: 0,
      written: 0,
    }));
    const first = new Uint8Array(VERITY_BLOCK);
    first.set(encodeVeritySuperblock(options));
    options.write(0, first);
  }

  /** Takes the next blocks. Throws FormatsError FORMAT_INPUT for a part of a block, or for more than `dataBlocks`. */
  add(bytes: Uint8Array): void {
    const blocks = bytes.length / VERITY_BLOCK;
    if (!Number.isInteger(blocks)) throw input(`${bytes.length} bytes are no whole blocks`);
    this.#added += blocks;
    if (this.#added > this.plan.dataBlocks) throw input(`more than ${this.plan.dataBlocks} blocks were added`);
    for (let at = 0; at < bytes.length; at += VERITY_BLOCK) this.#put(0, bytes.subarray(at, at + VERITY_BLOCK));
  }

  /** The root hash, 32 bytes, after the last blocks were written. Throws FormatsError FORMAT_INPUT when data is missing. */
  finish(): Uint8Array {
    if (this.#added !== this.plan.dataBlocks) {
      throw input(`${this.#added} of ${this.plan.dataBlocks} blocks were added`);
    }
    for (const [number, level] of this.#levels.entries()) if (level.used > 0) this.#flush(number);
    if (this.#root === undefined) throw input('there is no data');
    return this.#root;
  }

  /** Hashes a block into a level; above the last level is the root hash. */
  #put(number: number, block: Uint8Array): void {
    const { sha256, salt } = this.#options;
    this.#salted.set(block, salt.length);
    const digest = sha256(this.#salted);
    const level = this.#levels[number];
    if (level === undefined) {
      this.#root = digest.slice();
      return;
    }
    level.block.set(digest, level.used);
    level.used += digest.length;
    if (level.used === VERITY_BLOCK) this.#flush(number);
  }

  #flush(number: number): void {
    const level = this.#levels[number];
    if (level === undefined) return;
    level.block.fill(0, level.used);
    this.#options.write(level.offset + level.written, level.block);
    level.written += VERITY_BLOCK;
    level.used = 0;
    this.#put(number + 1, level.block);
  }
}

function input(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INPUT', message: `A verity tree cannot be made: ${why}` });
}
