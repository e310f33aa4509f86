import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { readCpio } from '@bowline/formats';
import { describe, expect, it } from 'vitest';
import { initrdCompression, packArchive } from './pack-archive.ts';

const entries = [{ type: 'file', path: 'etc/one', mode: 0o644, data: new Uint8Array([1, 2, 3]) }] as const;

/** Padding is up to three zeros, which the kernel passes over and these decompressors may not. */
function unpackPadded(packed: Uint8Array, unpack: (bytes: Uint8Array) => Uint8Array): Uint8Array {
  for (let padding = 0; padding < 3 && packed.at(-1 - padding) === 0; padding++) {
    try {
      return new Uint8Array(unpack(packed.subarray(0, packed.length - padding)));
    } catch {
      // One zero fewer, then.
    }
  }
  return new Uint8Array(unpack(packed.subarray(0, packed.findLastIndex((byte) => byte !== 0) + 1)));
}

describe('packing an initrd', () => {
  it.for([
    ['6.12.117+deb13-amd64', 'zstd'],
    ['5.9.0', 'zstd'],
    ['5.10.0-26-amd64', 'zstd'],
    ['5.8.18', 'gzip'],
    ['4.18.0-553.el8_10.x86_64', 'gzip'],
    ['custom', 'gzip'],
  ] as const)('packs for kernel %s with %s', ([version, compression]) => {
    expect(initrdCompression(version)).toBe(compression);
  });

  it.for([
    ['zstd', zstdDecompressSync],
    ['gzip', gunzipSync],
  ] as const)('leaves room for another archive behind one of %s', async ([compression, unpack]) => {
    const packed = await packArchive(entries, compression);
    expect(packed.length % 4).toBe(0);
    const archive = unpackPadded(packed, unpack);
    expect(readCpio(archive).members.map(({ path }) => path)).toEqual(['etc', 'etc/one']);
    expect(await packArchive(entries, compression)).toEqual(packed);
  });
});
