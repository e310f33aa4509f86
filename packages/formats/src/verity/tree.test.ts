import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseVeritySuperblock } from './superblock.ts';
import { VerityTreeBuilder } from './tree.ts';
import { planVerityTree } from './tree-plan.ts';

const UUID = '12345678-9abc-4def-8123-456789abcdef';
const BLOCK = 4096;
const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

/** Blocks that all differ. */
function blocks(count: number): Uint8Array {
  const data = new Uint8Array(count * BLOCK);
  const view = new DataView(data.buffer);
  for (let at = 0; at < count; at++) view.setUint32(at * BLOCK, at + 1, true);
  return data;
}

/** The hash area and the root hash when the data arrives in pieces of so many blocks. */
function build(data: Uint8Array, salt: Uint8Array, pieces: readonly number[] = [1]) {
  const dataBlocks = data.length / BLOCK;
  const area = new Uint8Array(planVerityTree(dataBlocks).hashBytes);
  const written = new Set<number>();
  const builder = new VerityTreeBuilder({
    dataBlocks,
    salt,
    uuid: UUID,
    sha256,
    write: (offset, block) => {
      expect(written.has(offset)).toBe(false);
      written.add(offset);
      area.set(block, offset);
    },
  });
  let turn = 0;
  for (let at = 0; at < data.length; ) {
    const piece = data.subarray(at, at + (pieces[turn++ % pieces.length] as number) * BLOCK);
    builder.add(piece);
    at += piece.length;
  }
  const rootHash = Buffer.from(builder.finish()).toString('hex');
  expect(written.size * BLOCK).toBe(area.length);
  return { area, rootHash };
}

/** The root hash by the definition, with everything in memory. */
function rootHashOf(data: Uint8Array, salt: Uint8Array): string {
  let level = data;
  for (;;) {
    const count = level.length / BLOCK;
    const next = new Uint8Array(Math.ceil((count * 32) / BLOCK) * BLOCK);
    for (let at = 0; at < count; at++) {
      next.set(sha256(Buffer.concat([salt, level.subarray(at * BLOCK, at * BLOCK + BLOCK)])), at * 32);
    }
    if (count === 1) return Buffer.from(next.subarray(0, 32)).toString('hex');
    level = next;
  }
}

describe('verity tree', () => {
  it('has the root hash of the definition, however the blocks arrive', () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.uint8Array({ maxLength: 256 }), pieces, (count, salt, sizes) => {
        const data = blocks(count);
        const { area, rootHash } = build(data, salt, sizes);
        expect(rootHash).toBe(rootHashOf(data, salt));
        expect(parseVeritySuperblock(area)).toMatchObject({ uuid: UUID, hashType: 1, dataBlocks: count });
      }),
      { numRuns: 25 },
    );
  });

  it('is refused for parts of blocks, for too many, for too few, and for none', () => {
    const options = { dataBlocks: 2, salt: new Uint8Array(0), uuid: UUID, sha256, write: () => undefined };
    const refused = expect.objectContaining({ code: 'FORMAT_INPUT' });
    const builder = () => new VerityTreeBuilder(options);
    expect(() => builder().add(new Uint8Array(100))).toThrow(refused);
    expect(() => builder().add(blocks(3))).toThrow(refused);
    expect(() => builder().finish()).toThrow(refused);
    expect(() => planVerityTree(0)).toThrow(refused);
    expect(() => planVerityTree(2 ** 31)).toThrow(refused);
    expect(() => new VerityTreeBuilder({ ...options, salt: new Uint8Array(257) })).toThrow(refused);
    expect(() => new VerityTreeBuilder({ ...options, uuid: 'x' })).toThrow(refused);
  });
});
