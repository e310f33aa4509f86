import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatsError } from '../error.ts';
import { parseQcow2Header } from './header.ts';

function build(version: number, virtualSizeBytes: number, isZstd: boolean): Uint8Array {
  const bytes = new Uint8Array(112);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x514649fb);
  view.setUint32(4, version);
  view.setUint32(20, 16);
  view.setBigUint64(24, BigInt(virtualSizeBytes));
  view.setBigUint64(72, isZstd ? 8n : 0n);
  view.setUint8(104, isZstd ? 1 : 0);
  return bytes;
}

describe('qcow2 header', () => {
  it('reads every field', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.boolean(), (virtualSizeBytes, isZstd) => {
        expect(parseQcow2Header(build(3, virtualSizeBytes, isZstd))).toEqual({
          version: 3,
          virtualSizeBytes,
          clusterSizeBytes: 65_536,
          hasBackingFile: false,
          isEncrypted: false,
          compression: isZstd ? 'zstd' : 'deflate',
        });
      }),
    );
  });

  it('does not read the fields of version 3 in version 2', () => {
    expect(parseQcow2Header(build(2, 1024, true)).compression).toBe('deflate');
    expect(() => parseQcow2Header(build(4, 1024, false))).toThrow('version 4');
  });

  it('throws nothing but its own errors on damage', () => {
    fc.assert(
      fc.property(fc.nat(111), fc.nat(255), fc.nat(112), (at, value, cut) => {
        const damaged = build(3, 1 << 30, true);
        damaged[at] = value;
        try {
          parseQcow2Header(damaged.subarray(0, cut));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatsError);
        }
      }),
    );
  });
});
