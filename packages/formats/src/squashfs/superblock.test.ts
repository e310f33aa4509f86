import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatsError } from '../error.ts';
import { parseSquashfsSuperblock } from './superblock.ts';

interface Fields {
  inodeCount: number;
  fragmentCount: number;
  createdSeconds: number;
  bytesUsed: number;
  blockLog: number;
}

function build({ inodeCount, fragmentCount, createdSeconds, bytesUsed, blockLog }: Fields): Uint8Array {
  const bytes = new Uint8Array(96);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('hsqs'));
  view.setUint32(4, inodeCount, true);
  view.setUint32(8, createdSeconds, true);
  view.setUint32(12, 2 ** blockLog, true);
  view.setUint32(16, fragmentCount, true);
  view.setUint16(20, 6, true);
  view.setUint16(22, blockLog, true);
  view.setUint16(28, 4, true);
  view.setBigUint64(40, BigInt(bytesUsed), true);
  return bytes;
}

const fields = fc.record({
  inodeCount: fc.nat(),
  fragmentCount: fc.nat(),
  createdSeconds: fc.nat(),
  bytesUsed: fc.maxSafeNat().map((size) => Math.max(size, 96)),
  blockLog: fc.integer({ min: 12, max: 20 }),
});

describe('squashfs superblock', () => {
  it('reads every field', () => {
    fc.assert(
      fc.property(fields, ({ blockLog, ...rest }) => {
        expect(parseSquashfsSuperblock(build({ blockLog, ...rest }))).toEqual({
          version: '4.0',
          compression: 'zstd',
          blockSizeBytes: 2 ** blockLog,
          ...rest,
        });
      }),
    );
  });

  it('throws nothing but its own errors on damage', () => {
    fc.assert(
      fc.property(fields, fc.nat(95), fc.nat(255), fc.nat(96), (each, at, value, cut) => {
        const damaged = build(each);
        damaged[at] = value;
        try {
          parseSquashfsSuperblock(damaged.subarray(0, cut));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatsError);
        }
      }),
    );
  });

  it.each([
    [0, 'signature'],
    [13, 'blocks of'],
    [20, 'compression 255'],
    [28, 'version 255'],
  ])('refuses damage at byte %i', (at, message) => {
    const bytes = build({ inodeCount: 1, fragmentCount: 0, createdSeconds: 0, bytesUsed: 4096, blockLog: 17 });
    bytes[at] = 0xff;
    expect(() => parseSquashfsSuperblock(bytes)).toThrow(message);
  });
});
