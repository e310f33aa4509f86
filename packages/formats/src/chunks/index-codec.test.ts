import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatsError } from '../error.ts';
import { buildChunkIndex, encodeChunkIndex, MAX_CHUNK_BYTES, parseChunkIndex } from './index-codec.ts';

const chunk = fc
  .record({
    lengthBytes: fc.integer({ min: 1, max: MAX_CHUNK_BYTES }),
    part: fc.double({ min: 0, max: 1, noNaN: true }),
    sha256: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  })
  .map(({ lengthBytes, part, sha256 }) => ({
    lengthBytes,
    storedBytes: Math.max(1, Math.floor(lengthBytes * part)),
    sha256,
  }));
const chunks = fc.array(chunk, { minLength: 1, maxLength: 40 });
const digest = new Uint8Array(32);
const TWO = encodeChunkIndex(
  buildChunkIndex([
    { lengthBytes: 100, storedBytes: 50, sha256: digest },
    { lengthBytes: 20, storedBytes: 20, sha256: digest },
  ]),
);

function changed(change: (view: DataView) => void): Uint8Array {
  const bytes = TWO.slice();
  change(new DataView(bytes.buffer));
  return bytes;
}

describe('chunk index', () => {
  it('comes back as it was written, with offsets by summing', () => {
    fc.assert(
      fc.property(chunks, (list) => {
        const index = buildChunkIndex(list);
        const parsed = parseChunkIndex(encodeChunkIndex(index));
        expect(parsed).toEqual(index);
        let [at, stored] = [0, 0];
        for (const [number, each] of list.entries()) {
          expect([parsed.offsets[number], parsed.storedOffsets[number]]).toEqual([at, stored]);
          expect([parsed.lengths[number], parsed.storedLengths[number]]).toEqual([each.lengthBytes, each.storedBytes]);
          expect(parsed.digests.subarray(number * 32, number * 32 + 32)).toEqual(each.sha256);
          at += each.lengthBytes;
          stored += each.storedBytes;
        }
        expect([parsed.rootBytes, parsed.storedBytes]).toEqual([at, stored]);
      }),
    );
  });

  it('has the documented bytes', () => {
    expect(new TextDecoder().decode(TWO.subarray(0, 8))).toBe('BWLCIDX1');
    expect([...TWO.subarray(8, 28)]).toEqual([2, 0, 0, 0, 120, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 50, 0, 0, 0]);
    expect(TWO.length).toBe(20 + 2 * 40);
  });

  it.each([
    ['another signature', changed((view) => view.setUint8(7, 0x32)), 'the signature is missing'],
    ['no chunk', changed((view) => view.setUint32(8, 0, true)), 'no chunk'],
    ['fewer chunks than it says', changed((view) => view.setUint32(8, 3, true)), 'expected at offset'],
    ['more chunks than it says', changed((view) => view.setUint32(8, 1, true)), '40 bytes follow'],
    ['a bomb', changed((view) => view.setUint32(8, 0xffffffff, true)), 'the limit is'],
    ['another size of the root', changed((view) => view.setUint8(12, 121)), '120 bytes, but the root has 121'],
    ['an impossible size', changed((view) => view.setUint8(19, 255)), 'impossible'],
    ['an empty chunk', changed((view) => view.setUint32(20, 0, true)), 'chunk 0: a length of 0'],
    ['an endless chunk', changed((view) => view.setUint32(60, 2 ** 31, true)), 'chunk 1: a length of 2147483648'],
    ['a chunk stored longer', changed((view) => view.setUint32(24, 101, true)), '101 bytes stored for 100'],
    ['a chunk that is not stored', changed((view) => view.setUint32(24, 0, true)), '0 bytes stored'],
    ['something behind the last chunk', Uint8Array.of(...TWO, 0), '1 bytes follow'],
  ])('with %s is refused', (_what, bytes, message) => {
    expect(() => parseChunkIndex(bytes)).toThrow(message);
    expect(() => parseChunkIndex(bytes)).toThrow(FormatsError);
  });

  it('throws nothing but its own errors on damage', () => {
    fc.assert(
      fc.property(fc.nat(TWO.length - 1), fc.uint8Array({ maxLength: 8 }), fc.nat(TWO.length), (at, junk, cut) => {
        const bytes = TWO.slice();
        bytes.set(junk.subarray(0, TWO.length - at), at);
        try {
          parseChunkIndex(bytes.subarray(0, cut));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatsError);
        }
      }),
    );
  });

  it.each([
    ['nothing', []],
    ['an empty chunk', [{ lengthBytes: 0, storedBytes: 0, sha256: digest }]],
    ['a short digest', [{ lengthBytes: 1, storedBytes: 1, sha256: new Uint8Array(31) }]],
  ])('cannot be made of %s', (_what, list) => {
    expect(() => buildChunkIndex(list)).toThrow(expect.objectContaining({ code: 'FORMAT_INPUT' }));
  });
});
