import { hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { parseVeritySuperblock, planVerityTree, VERITY_BLOCK, VERITY_SUPERBLOCK_SIZE } from '@bowline/formats';
import { AgentError } from '../error.ts';
import type { DiskPlace } from './source.ts';
import type { ByteWatch } from './write-volume.ts';

const DIGEST_BYTES = 32;
const CHUNK_BLOCKS = 256;

/**
 * Reads root and hash tree back, and checks every block of both up to the root hash (dm-verity, on-disk format 1: salted
 * sha256, levels stored from the top).
 *
 * @throws AgentError ROOT_HASH_MISMATCH for the first block that differs; FormatsError for a broken superblock.
 */
export async function verifyRoot(
  file: string,
  data: DiskPlace,
  tree: DiskPlace,
  rootHash: string,
  { onBytes, signal }: ByteWatch,
): Promise<void> {
  const handle = await open(file, 'r');
  try {
    const superblock = parseVeritySuperblock(await readExactly(handle, tree.offsetBytes, VERITY_SUPERBLOCK_SIZE));
    const { hashBlockSizeBytes: size, dataBlockSizeBytes, dataBlocks, algorithm, hashType } = superblock;
    if (dataBlockSizeBytes !== size || size !== VERITY_BLOCK || algorithm !== 'sha256' || hashType !== 1)
      throw mismatch('the hash tree');
    const salt = Buffer.from(superblock.salt, 'hex');
    const levels = planVerityTree(dataBlocks).levels.toReversed();
    let expected: Uint8Array = Buffer.from(rootHash, 'hex');
    for (const [index, level] of [...levels, { offset: 0, blocks: dataBlocks }].entries()) {
      const isData = index === levels.length;
      const start = isData ? data.offsetBytes : tree.offsetBytes + level.offset;
      const hashes: Uint8Array[] = [];
      for (let first = 0; first < level.blocks; first += CHUNK_BLOCKS) {
        signal.throwIfAborted();
        const count = Math.min(CHUNK_BLOCKS, level.blocks - first);
        const bytes = await readExactly(handle, start + first * size, count * size);
        for (let block = 0; block < count; block++) {
          const part = bytes.subarray(block * size, (block + 1) * size);
          const at = placeOfDigest(first + block, size);
          const wanted = expected.subarray(at, at + DIGEST_BYTES);
          if (hash('sha256', Buffer.concat([salt, part]), 'buffer').compare(wanted) !== 0) {
            throw mismatch(isData ? `block ${first + block} of the system` : 'the hash tree');
          }
        }
        if (!isData) hashes.push(bytes);
        onBytes(bytes.length);
      }
      if (!isData) expected = Buffer.concat(hashes);
    }
  } finally {
    await handle.close();
  }
}

/** Digests fill a block without gaps, since a block holds a whole number of them. */
function placeOfDigest(index: number, blockBytes: number): number {
  const perBlock = Math.floor(blockBytes / DIGEST_BYTES);
  return Math.floor(index / perBlock) * blockBytes + (index % perBlock) * DIGEST_BYTES;
}

async function readExactly(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(buffer, done, length - done, offset + done);
    if (bytesRead === 0) throw mismatch('the end of the disk');
    done += bytesRead;
  }
  return buffer;
}

function mismatch(what: string): AgentError {
  return new AgentError({
    code: 'ROOT_HASH_MISMATCH',
    message: `install: ${what} reads back from the disk otherwise than the image has it.`,
    hint: 'The medium is damaged or the disk is failing: try another of each.',
  });
}
