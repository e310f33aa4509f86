import { createHash, hash } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { type ChunkIndex, VERITY_BLOCK, VerityTreeBuilder } from '@bowline/formats';
import type { ReleaseDocument } from '@bowline/spec';
import { isDamage, sentenceOf } from './damage.ts';

/** Damaged chunks that are named one by one. */
const MAX_NAMED = 10;

/**
 * Unpacks all chunks of a release and holds each to the index, the root to its digest, and the hash tree to the signed root hash.
 * Returns what is wrong, as sentences. Sizes of document and index must agree already.
 */
export async function checkRoot(
  document: ReleaseDocument,
  index: ChunkIndex,
  stored: AsyncIterable<Uint8Array>,
  onBytes: (doneBytes: number) => void,
): Promise<string[]> {
  const problems: string[] = [];
  const root = createHash('sha256');
  const tree = new VerityTreeBuilder({
    ...document.verity,
    salt: Buffer.from(document.verity.salt, 'hex'),
    sha256: (block) => hash('sha256', block, 'buffer'),
    write: () => undefined,
  });
  const addToTree = inBlocks((blocks) => tree.add(blocks));
  let damaged = 0;
  try {
    for await (const { number, bytes } of splitStored(index, stored)) {
      const [offset, length] = [index.offsets[number] as number, index.lengths[number] as number];
      const plain = unpack(bytes, length);
      const digest = index.digests.subarray(number * 32, number * 32 + 32);
      if (plain === undefined || Buffer.compare(hash('sha256', plain, 'buffer'), digest) !== 0) {
        damaged += 1;
        const where = `bytes ${offset} to ${offset + length - 1} of the root`;
        if (damaged <= MAX_NAMED) problems.push(`chunk ${number} of ${index.count} is damaged: ${where}`);
      }
      const counted = plain ?? new Uint8Array(length);
      root.update(counted);
      addToTree(counted);
      onBytes(offset + length);
    }
  } catch (error) {
    // The digest of the whole blob is known at its end only; by then the chunks have been looked at.
    if (!isDamage(error)) throw error;
    problems.push(sentenceOf(error));
    return problems;
  }
  if (`sha256:${root.digest('hex')}` !== document.root.sha256)
    problems.push('the chunks make another root than is named');
  const rootHash = Buffer.from(tree.finish()).toString('hex');
  if (rootHash !== document.verity.rootHash)
    problems.push('the hash tree of the root has another root hash than is named');
  return problems;
}

/** The stored chunks one by one, each in a buffer of its own. */
async function* splitStored(
  index: ChunkIndex,
  stored: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ number: number; bytes: Uint8Array }> {
  let number = 0;
  let bytes = new Uint8Array(index.storedLengths[0] ?? 0);
  let filled = 0;
  for await (const piece of stored) {
    for (let from = 0; from < piece.length && number < index.count; ) {
      const part = piece.subarray(from, from + bytes.length - filled);
      bytes.set(part, filled);
      filled += part.length;
      from += part.length;
      if (filled < bytes.length) break;
      yield { number, bytes };
      number += 1;
      bytes = new Uint8Array(index.storedLengths[number] ?? 0);
      filled = 0;
    }
  }
}

/** The plain bytes of a chunk; undefined when they are not what the index says. Never unpacks more than that. */
function unpack(bytes: Uint8Array, length: number): Uint8Array | undefined {
  if (bytes.length === length) return bytes;
  try {
    const plain = zstdDecompressSync(bytes, { maxOutputLength: length });
    return plain.length === length ? plain : undefined;
  } catch {
    return undefined;
  }
}

/** Hands on bytes of any length in whole blocks. */
function inBlocks(take: (blocks: Uint8Array) => void): (bytes: Uint8Array) => void {
  let rest = new Uint8Array(0);
  return (bytes) => {
    const whole = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    const end = whole.length - (whole.length % VERITY_BLOCK);
    take(whole.subarray(0, end));
    rest = Uint8Array.from(whole.subarray(end));
  };
}
