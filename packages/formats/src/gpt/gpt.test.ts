import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatsError } from '../error.ts';
import { crc32 } from './crc32.ts';
import { decodeGuid, encodeGuid } from './guid.ts';
import { parseGpt } from './read.ts';
import { type GptPartition, PARTITION_TYPE } from './table.ts';
import { type GptImage, placePartitions, writeGpt } from './write.ts';

const MIB = 1024 * 1024;
const diskGuid = '11111111-2222-3333-4444-555555555555';
const guid = fc.uuid().filter((text) => !text.startsWith('00000000'));

const esp: Omit<GptPartition, 'startLba'> = {
  typeGuid: PARTITION_TYPE.esp,
  partGuid: 'aaaaaaaa-0000-4000-8000-000000000001',
  name: 'esp',
  sizeBytes: 8 * MIB,
};
const root: Omit<GptPartition, 'startLba'> = {
  typeGuid: PARTITION_TYPE.root.amd64,
  partGuid: 'aaaaaaaa-0000-4000-8000-000000000002',
  name: 'root-a',
  sizeBytes: 5 * MIB + 512,
  attributes: ['read-only', 'no-auto'],
};

function makeDisk(): { image: GptImage; diskSizeBytes: number; partitions: GptPartition[] } {
  const { partitions, diskSizeBytes } = placePartitions([esp, root]);
  return { image: writeGpt({ diskGuid, sizeBytes: diskSizeBytes, partitions }), diskSizeBytes, partitions };
}

describe('GPT writer', () => {
  it('puts the tables of a disk of 4096-byte sectors into 6 and 5 of them', () => {
    const { partitions, diskSizeBytes } = placePartitions([esp, { ...root, sizeBytes: 5 * MIB }], 4096);
    expect(partitions.map(({ startLba }) => startLba)).toEqual([256, 256 * 9]);
    const { primary, backup } = writeGpt({ diskGuid, sizeBytes: diskSizeBytes, sectorBytes: 4096, partitions });
    expect([primary.length, backup.length]).toEqual([6 * 4096, 5 * 4096]);
    expect(new TextDecoder().decode(primary.subarray(4096, 4104))).toBe('EFI PART');
    expect(() => parseGpt({ start: primary, end: backup, diskSizeBytes })).toThrow(FormatsError);
    const half = [{ ...partitions[0]!, sizeBytes: 8 * MIB + 512 }];
    expect(() => writeGpt({ diskGuid, sizeBytes: diskSizeBytes, sectorBytes: 4096, partitions: half })).toThrow(/4096/);
  });

  it('writes what its reader finds, whatever the partitions', () => {
    const partition = fc.record({
      typeGuid: guid,
      partGuid: guid,
      name: fc.string({ maxLength: 36, unit: 'binary' }).filter((name) => name.length <= 36 && !name.includes('\0')),
      sizeBytes: fc.integer({ min: 1, max: 2 ** 32 }).map((sectors) => sectors * 512),
      attributes: fc.subarray([
        'required',
        'legacy-bios-bootable',
        'grow-file-system',
        'read-only',
        'no-auto',
      ] as const),
    });
    const lists = fc.uniqueArray(partition, { selector: ({ partGuid }) => partGuid, maxLength: 128 });
    fc.assert(
      fc.property(lists, guid, fc.constantFrom(512 as const, 4096 as const), (all, disk, sectorBytes) => {
        const list = all.map((one) => ({ ...one, sizeBytes: one.sizeBytes * (sectorBytes / 512) }));
        const { partitions, diskSizeBytes } = placePartitions(list, sectorBytes);
        const sizes = { sizeBytes: diskSizeBytes, sectorBytes };
        const { primary, backup, backupLba } = writeGpt({ diskGuid: disk, ...sizes, partitions });
        expect(backupLba * sectorBytes + backup.length).toBe(diskSizeBytes);
        const found = parseGpt({ start: primary, end: backup, diskSizeBytes, sectorBytes });
        expect(found.problems).toEqual([]);
        expect(found.diskGuid).toBe(disk);
        expect(found.partitions).toMatchObject(partitions);
        expect(found.partitions).toHaveLength(partitions.length);
      }),
      { numRuns: 30 },
    );
  });

  it('puts the fields where the specification wants them', () => {
    const { image, diskSizeBytes } = makeDisk();
    const view = new DataView(image.primary.buffer);
    expect([...image.primary.subarray(446, 454)]).toEqual([0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff]);
    expect(view.getUint32(454, true)).toBe(1);
    expect(view.getUint32(458, true)).toBe(diskSizeBytes / 512 - 1);
    expect([...image.primary.subarray(510, 512)]).toEqual([0x55, 0xaa]);
    expect(view.getBigUint64(512 + 40, true)).toBe(2048n);
    expect(view.getBigUint64(512 + 48, true)).toBe(BigInt(diskSizeBytes / 512 - 34));
    expect(view.getBigUint64(1024 + 128 + 48, true)).toBe((1n << 60n) | (1n << 63n));
    expect(writeGpt({ diskGuid, sizeBytes: diskSizeBytes, partitions: [] }).primary.length).toBe(34 * 512);
  });

  it('keeps the boot code of BIOS machines and no more than fits', () => {
    const bootCode = new Uint8Array(440).fill(0x90);
    const { primary } = writeGpt({ diskGuid, sizeBytes: 2 * MIB, partitions: [], bootCode });
    expect(primary.subarray(0, 440)).toEqual(bootCode);
    expect(() => writeGpt({ diskGuid, sizeBytes: 2 * MIB, partitions: [], bootCode: new Uint8Array(441) })).toThrow(
      '440 fit',
    );
  });

  it.each([
    [
      'overlap',
      [
        { ...esp, startLba: 2048 },
        { ...root, startLba: 4096 },
      ],
      'overlap',
    ],
    ['a start off the grid', [{ ...esp, startLba: 2049 }], 'multiple of 1 MiB'],
    ['sector 0', [{ ...esp, startLba: 0 }], 'multiple of 1 MiB'],
    ['half a sector', [{ ...esp, startLba: 2048, sizeBytes: 700 }], 'multiple of 512'],
    ['the end of the disk', [{ ...esp, startLba: 2048, sizeBytes: 99 * MIB }], 'the last usable one'],
    [
      'one GUID twice',
      [
        { ...esp, startLba: 2048 },
        { ...esp, startLba: 40960 },
      ],
      'has the GUID',
    ],
    ['a long name', [{ ...esp, startLba: 2048, name: 'x'.repeat(37) }], '36 characters'],
    ['something that is no GUID', [{ ...esp, startLba: 2048, partGuid: 'esp' }], 'not a GUID'],
  ])('refuses %s', (_, partitions, message) => {
    expect(() => writeGpt({ diskGuid, sizeBytes: 100 * MIB, partitions })).toThrow(message);
  });
});

describe('GPT reader', () => {
  it('leaves the bytes it reads alone, whichever kind of array holds them', () => {
    const { image, diskSizeBytes } = makeDisk();
    // A Node Buffer shares its memory with what it slices; so does this.
    class View extends Uint8Array {
      override slice(start?: number, end?: number): Uint8Array<ArrayBuffer> {
        return this.subarray(start, end) as Uint8Array<ArrayBuffer>;
      }
    }
    const start = new View(image.primary);
    const end = new View(image.backup);
    expect(parseGpt({ start, end, diskSizeBytes }).problems).toEqual([]);
    expect([...start]).toEqual([...image.primary]);
  });

  it('falls back to the other copy and says so', () => {
    const { image, diskSizeBytes, partitions } = makeDisk();
    const primary = image.primary.slice();
    primary[512 + 60] = 0xff;
    const found = parseGpt({ start: primary, end: image.backup, diskSizeBytes });
    expect(found.source).toBe('backup');
    expect(found.partitions.map(({ startLba }) => startLba)).toEqual(partitions.map(({ startLba }) => startLba));
    expect(found.problems).toEqual(['primary GPT: the checksum of the header is wrong']);

    const backup = image.backup.slice();
    backup[200] = 0xff;
    expect(parseGpt({ start: image.primary, end: backup, diskSizeBytes }).problems).toEqual([
      'backup GPT: the checksum of the entries is wrong',
    ]);
    expect(() => parseGpt({ start: primary, end: backup, diskSizeBytes })).toThrow('primary GPT');
  });

  it('notices every flipped byte of the headers and entries', () => {
    const { image, diskSizeBytes } = makeDisk();
    fc.assert(
      fc.property(
        fc.integer({ min: 512, max: image.primary.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (at, xor) => {
          fc.pre(at < 512 + 92 || at >= 1024);
          const start = image.primary.slice();
          start[at] = (start[at] ?? 0) ^ xor;
          const found = parseGpt({ start, end: image.backup, diskSizeBytes });
          expect(found.source).toBe('backup');
          expect(found.problems).toHaveLength(1);
        },
      ),
    );
  });

  it('throws nothing but its own errors on noise', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 3000 }),
        fc.uint8Array({ maxLength: 3000 }),
        fc.nat(),
        (start, end, size) => {
          expect(() => parseGpt({ start, end, diskSizeBytes: size * 512 })).toThrow(FormatsError);
        },
      ),
    );
  });
});

describe('GUIDs and checksums', () => {
  it('stores the first three fields little-endian', () => {
    expect([...encodeGuid('00112233-4455-6677-8899-aabbccddeeff')]).toEqual([
      0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
    ]);
    fc.assert(
      fc.property(fc.uuid(), (text) => {
        expect(decodeGuid(encodeGuid(text.toUpperCase()))).toBe(text);
      }),
    );
  });

  it('has the check value of CRC-32', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  });
});
