import { hash } from 'node:crypto';
import { VERITY_BLOCK, VerityTreeBuilder, type VerityTreePlan } from '@bowline/formats';
import type { ReleaseVerity } from '@bowline/spec';
import type { Region } from '../slots/slots.ts';
import type { RootTarget } from './contract.ts';
import { DirectReader } from './direct-reader.ts';
import { RegionFile } from './region-file.ts';

const SLICE_BYTES = 2 ** 20;

/** What the disk gave back. */
export interface DiskVerity {
  /** Empty when the tree is not what was written. */
  rootHash: string;
  isTreeRight: boolean;
  /** False when it was read through the cache of the kernel. */
  isDirect: boolean;
}

/**
 * Reads the data of a target back from disk, writes the tree over it, and reads that back, too. The superblock, without which
 * nothing can be started, is written last, and only when the root hash is the wanted one. All of it is durable then.
 *
 * @throws AgentError WRITE_FAILED | NO_SPACE.
 */
export async function writeVerity(
  target: RootTarget,
  verity: ReleaseVerity,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<DiskVerity> {
  const hashFile = await RegionFile.open(target.hash, 'r+');
  try {
    const { rootHash, superblock, plan, isDirect } = await writeTree(target, hashFile, verity, signal, onBytes);
    await hashFile.flush();
    if (rootHash !== verity.rootHash) return { rootHash, isTreeRight: true, isDirect };
    await hashFile.write(superblock, 0);
    await hashFile.flush();
    const isTreeRight = await checkTree(target, plan, superblock, verity);
    return { rootHash: isTreeRight ? rootHash : '', isTreeRight, isDirect };
  } finally {
    await hashFile.close();
  }
}

/** Takes away the superblock of a target that is about to change: what is half written cannot be opened. Throws as `writeVerity`. */
export async function invalidateTree(hashRegion: Region): Promise<void> {
  const file = await RegionFile.open(hashRegion, 'r+');
  try {
    await file.write(new Uint8Array(VERITY_BLOCK), 0);
    await file.flush();
  } finally {
    await file.close();
  }
}

async function writeTree(
  target: RootTarget,
  hashFile: RegionFile,
  verity: ReleaseVerity,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
) {
  let superblock: Uint8Array = new Uint8Array(0);
  let pending: { offset: number; block: Uint8Array }[] = [];
  const digest = Buffer.alloc(32);
  const builder = new VerityTreeBuilder({
    dataBlocks: verity.dataBlocks,
    salt: Buffer.from(verity.salt, 'hex'),
    uuid: verity.uuid,
    sha256: (block) => {
      // Text is the fastest way out of the hash function: a buffer of its own for each block costs a third more.
      digest.write(hash('sha256', block, 'latin1'), 'latin1');
      return digest;
    },
    write: (offset, block) => {
      if (offset === 0) superblock = block.slice();
      else pending.push({ offset, block: block.slice() });
    },
  });
  const writePending = async () => {
    for (const { offset, block } of pending) await hashFile.write(block, offset);
    pending = [];
  };
  const size = verity.dataBlocks * VERITY_BLOCK;
  const reader = await DirectReader.open(target.data, SLICE_BYTES);
  try {
    for await (const slice of readAhead(reader, 0, size, signal)) {
      builder.add(slice);
      onBytes(slice.length);
      await writePending();
    }
  } finally {
    await reader.close();
  }
  const rootHash = Buffer.from(builder.finish()).toString('hex');
  await writePending();
  return { rootHash, superblock, plan: builder.plan, isDirect: reader.isDirect };
}

/** Slices of a region; the next one is read while the caller works on this one. */
async function* readAhead(
  reader: DirectReader,
  start: number,
  end: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const readAt = (at: number) => reader.read(at, Math.min(SLICE_BYTES, end - at));
  let ahead = readAt(start);
  for (let at = start; at < end; at += SLICE_BYTES) {
    signal.throwIfAborted();
    const slice = await ahead;
    if (at + SLICE_BYTES < end) {
      ahead = readAt(at + SLICE_BYTES);
      // It fails when it is its turn.
      ahead.catch(() => undefined);
    }
    yield slice;
  }
}

/** Whether the tree on the disk hangs together from the root hash down, and begins with this superblock. */
async function checkTree(
  target: RootTarget,
  plan: VerityTreePlan,
  superblock: Uint8Array,
  verity: ReleaseVerity,
): Promise<boolean> {
  const reader = await DirectReader.open(target.hash, SLICE_BYTES);
  try {
    if (!Buffer.from(superblock).equals(await reader.read(0, VERITY_BLOCK))) return false;
    const salt = Buffer.from(verity.salt, 'hex');
    let wanted: Uint8Array = Buffer.from(verity.rootHash, 'hex');
    for (const [below, { offset, blocks }] of [...plan.levels.entries()].reverse()) {
      const level: Uint8Array[] = [];
      for (let at = 0; at < blocks * VERITY_BLOCK; at += SLICE_BYTES) {
        const slice = await reader.read(offset + at, Math.min(SLICE_BYTES, blocks * VERITY_BLOCK - at));
        const expected = wanted.subarray((at / VERITY_BLOCK) * 32);
        for (let block = 0; block * VERITY_BLOCK < slice.length; block++) {
          const bytes = slice.subarray(block * VERITY_BLOCK, (block + 1) * VERITY_BLOCK);
          const found = hash('sha256', Buffer.concat([salt, bytes]), 'buffer');
          if (!found.equals(expected.subarray(block * 32, block * 32 + 32))) return false;
        }
        // The lowest level is by far the largest, and nothing below it needs it.
        if (below > 0) level.push(slice.slice());
      }
      wanted = Buffer.concat(level);
    }
    return true;
  } finally {
    await reader.close();
  }
}
