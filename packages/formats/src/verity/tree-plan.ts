import { FormatsError } from '../error.ts';

/** Bytes of a block of data and of hashes: all that Bowline makes have this size. */
export const VERITY_BLOCK = 4096;
/** Digests of SHA-256 in a block. */
const DIGESTS_PER_BLOCK = 128;
/** 4 TiB: far beyond any slot, and all offsets stay exact. */
const MAX_DATA_BLOCKS = 2 ** 30;

/** Where the levels of a tree lie in the hash area. */
export interface VerityTreePlan {
  dataBlocks: number;
  /** The level over the data first; in bytes from the start of the hash area. The last one is a single block. */
  levels: readonly { offset: number; blocks: number }[];
  /** Bytes of the hash area: superblock and tree. */
  hashBytes: number;
}

/**
 * Lays out the hash area for a number of data blocks: the superblock has the first block to itself, then the levels follow,
 * the top one first. A single block of data has no level: its digest is the root hash.
 *
 * @throws FormatsError FORMAT_INPUT unless there are 1 to 2^30 blocks
 */
export function planVerityTree(dataBlocks: number): VerityTreePlan {
  if (!Number.isInteger(dataBlocks) || dataBlocks < 1 || dataBlocks > MAX_DATA_BLOCKS) {
    throw new FormatsError({
      code: 'FORMAT_INPUT',
      message: `A verity tree over ${dataBlocks} blocks cannot be made; the limit is ${MAX_DATA_BLOCKS}`,
    });
  }
  const sizes: number[] = [];
  for (let blocks = dataBlocks; blocks > 1; ) {
    blocks = Math.ceil(blocks / DIGESTS_PER_BLOCK);
    sizes.push(blocks);
  }
  let offset = VERITY_BLOCK;
  const levels = sizes.reverse().map((blocks) => {
    const level = { offset, blocks };
    offset += blocks * VERITY_BLOCK;
    return level;
  });
  return { dataBlocks, levels: levels.reverse(), hashBytes: offset };
}
