import { createHash } from 'node:crypto';
import {
  FormatsError,
  parseVeritySuperblock,
  VERITY_BLOCK,
  VERITY_SUPERBLOCK_SIZE,
  type VeritySuperblock,
  VerityTreeBuilder,
} from '@bowline/formats';
import { DirectReader } from '../release/direct-reader.ts';
import type { Slot } from '../slots/slots.ts';

const READ_BYTES = 2 ** 20;

/**
 * The root hash of what lies in a slot, or undefined when it is no whole root: without a superblock, or with a tree that is not
 * the one of the data. Every block is read, from the disk and not from memory where the kernel lets us.
 *
 * Throws AgentError WRITE_FAILED when the disk cannot be read, and the reason of the signal.
 */
export async function rootHashOfSlot(
  slot: Pick<Slot, 'data' | 'hash'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const hash = await DirectReader.open(slot.hash, VERITY_BLOCK);
  try {
    const superblock = readSuperblock(await hash.read(0, VERITY_BLOCK));
    if (superblock === undefined || superblock.dataBlocks * VERITY_BLOCK > slot.data.sizeBytes) return undefined;
    const { rootHash, tree } = await hashData(slot, superblock, signal);
    for (const { offset, digest } of tree) {
      if (offset + VERITY_BLOCK > slot.hash.sizeBytes) return undefined;
      if (!digestOf(await hash.read(offset, VERITY_BLOCK)).equals(digest)) return undefined;
    }
    return rootHash;
  } finally {
    await hash.close();
  }
}

interface HashedData {
  rootHash: string;
  /** Digests of the blocks the tree must have. */
  tree: { offset: number; digest: Buffer }[];
}

async function hashData(
  { data }: Pick<Slot, 'data'>,
  { dataBlocks, salt, uuid }: VeritySuperblock,
  signal: AbortSignal,
): Promise<HashedData> {
  const tree: HashedData['tree'] = [];
  const builder = new VerityTreeBuilder({
    dataBlocks,
    salt: Buffer.from(salt, 'hex'),
    uuid,
    sha256: digestOf,
    write: (offset, block) => tree.push({ offset, digest: digestOf(block) }),
  });
  const reader = await DirectReader.open(data, READ_BYTES);
  try {
    const end = dataBlocks * VERITY_BLOCK;
    for (let at = 0; at < end; at += READ_BYTES) {
      signal.throwIfAborted();
      builder.add(await reader.read(at, Math.min(READ_BYTES, end - at)));
    }
  } finally {
    await reader.close();
  }
  return { rootHash: Buffer.from(builder.finish()).toString('hex'), tree };
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** undefined for what is none, and for trees of another kind than ours. */
function readSuperblock(head: Uint8Array): VeritySuperblock | undefined {
  try {
    const found = parseVeritySuperblock(head.subarray(0, VERITY_SUPERBLOCK_SIZE));
    const isOurs = found.hashType === 1 && found.algorithm === 'sha256' && found.dataBlocks > 0;
    const hasOurBlocks = found.dataBlockSizeBytes === VERITY_BLOCK && found.hashBlockSizeBytes === VERITY_BLOCK;
    return isOurs && hasOurBlocks ? found : undefined;
  } catch (error) {
    if (error instanceof FormatsError) return undefined;
    throw error;
  }
}
