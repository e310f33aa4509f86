import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatsError } from '../error.ts';
import { parseVeritySuperblock } from './superblock.ts';

/** What `veritysetup format --salt=0123.. --uuid=..` writes. */
function build(salt: Uint8Array, dataBlocks: bigint): Uint8Array {
  const bytes = new Uint8Array(512);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('verity'));
  view.setUint32(8, 1, true);
  view.setUint32(12, 1, true);
  bytes.set([0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00], 16);
  bytes.set(new TextEncoder().encode('sha256'), 32);
  view.setUint32(64, 4096, true);
  view.setUint32(68, 4096, true);
  view.setBigUint64(72, dataBlocks, true);
  view.setUint16(80, salt.length, true);
  bytes.set(salt, 88);
  return bytes;
}

describe('verity superblock', () => {
  it('reads every field', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 256 }), fc.maxSafeNat(), (salt, dataBlocks) => {
        expect(parseVeritySuperblock(build(salt, BigInt(dataBlocks)))).toEqual({
          uuid: '11223344-5566-7788-99aa-bbccddeeff00',
          hashType: 1,
          algorithm: 'sha256',
          dataBlockSizeBytes: 4096,
          hashBlockSizeBytes: 4096,
          dataBlocks,
          salt: Array.from(salt, (byte) => byte.toString(16).padStart(2, '0')).join(''),
        });
      }),
    );
  });

  it.each([
    ['signature', 0, 'the signature is missing'],
    ['version', 8, 'version 255'],
    ['hash type', 12, 'hash type 255'],
    ['algorithm', 32, 'the name of the hash'],
    ['block size', 64, 'blocks of 4351 bytes'],
    ['salt size', 81, 'a salt of 65280 bytes'],
  ])('refuses a damaged %s', (_, at, message) => {
    const bytes = build(new Uint8Array(0), 1n);
    bytes[at] = 0xff;
    expect(() => parseVeritySuperblock(bytes)).toThrow(message);
  });

  it('throws nothing but its own errors on noise', () => {
    const whole = build(new Uint8Array(32), 9n);
    fc.assert(
      fc.property(fc.nat(511), fc.uint8Array({ maxLength: 8 }), fc.nat(512), (at, junk, cut) => {
        const damaged = whole.slice();
        damaged.set(junk.subarray(0, 512 - at), at);
        try {
          parseVeritySuperblock(damaged.subarray(0, cut));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatsError);
        }
      }),
    );
  });
});
