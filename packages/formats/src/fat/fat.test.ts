import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatsError } from '../error.ts';
import { computeShortNameChecksum } from './names.ts';
import { type FatPlan, type FatVolume, measureFat32, planFat32 } from './plan.ts';
import { readFat32 } from './read.ts';

const MIB = 1024 * 1024;
const base = { volumeId: 0xb0112345, label: 'ESP', epochSeconds: 1767225600, volumeSizeBytes: 33 * MIB };

const plan = (files: Record<string, number>, more: Partial<FatVolume> = {}): FatPlan =>
  planFat32({ ...base, files: Object.entries(files).map(([path, sizeBytes]) => ({ path, sizeBytes })), ...more });

/** The volume as bytes; the content of a file is its path, repeated. */
function write({ volumeSizeBytes, extents }: FatPlan): Uint8Array {
  const volume = new Uint8Array(volumeSizeBytes);
  for (const extent of extents) {
    if ('bytes' in extent) volume.set(extent.bytes, extent.offset);
    else volume.fill(extent.path.length, extent.offset, extent.offset + extent.length);
  }
  return volume;
}

const open = (volume: Uint8Array) => (offset: number, length: number) => volume.subarray(offset, offset + length);

const name = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 40 })
  .filter((text) => !/[\x00-\x1f\x7f"*/:<>?\\|]/.test(text) && !/^ |[ .]$/.test(text) && text.length <= 255);

describe('FAT32 planner', () => {
  it('makes volumes that its reader lists', async () => {
    const files = fc.uniqueArray(
      fc.record({ parts: fc.array(name, { minLength: 1, maxLength: 3 }), sizeBytes: fc.nat(200_000) }),
      { selector: ({ parts }) => parts[0]?.toUpperCase(), maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(files, async (list) => {
        const wanted = list.map(({ parts, sizeBytes }) => ({ path: parts.join('/'), sizeBytes }));
        const made = planFat32({ ...base, files: wanted });
        expect(planFat32({ ...base, files: wanted.toReversed() })).toEqual(made);
        const found = await readFat32(open(write(made)));
        const foundFiles = found.entries.filter((entry) => entry.type === 'file');
        expect(new Map(foundFiles.map(({ path, sizeBytes }) => [path, sizeBytes]))).toEqual(
          new Map(wanted.map(({ path, sizeBytes }) => [path, sizeBytes])),
        );
        for (const { path, runs, sizeBytes, mtimeSeconds } of foundFiles) {
          expect(mtimeSeconds).toBe(base.epochSeconds);
          const extent = made.extents.find((each) => 'path' in each && each.path === path);
          expect(runs).toEqual(sizeBytes === 0 ? [] : [{ offset: extent?.offset, length: sizeBytes }]);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('has sectors of 512 bytes, which OVMF insists on', () => {
    const [boot] = plan({}).extents;
    expect(boot && 'bytes' in boot && [...boot.bytes.subarray(11, 13)]).toEqual([0x00, 0x02]);
  });

  it('has the sectors of a disk of 4096-byte sectors', async () => {
    const volumeSizeBytes = 270 * MIB;
    const made = plan({ 'EFI/BOOT/BOOTX64.EFI': 100_001, b: 1 }, { sectorBytes: 4096, volumeSizeBytes });
    expect(made.extents.every(({ offset }) => offset % 4096 === 0)).toBe(true);
    const found = await readFat32(open(write(made)));
    expect(found).toMatchObject({ volumeSizeBytes, clusterSizeBytes: 4096, label: 'ESP' });
    expect(found.entries.filter(({ type }) => type === 'file').map(({ path }) => path)).toEqual([
      'EFI/BOOT/BOOTX64.EFI',
      'b',
    ]);
    expect(() => plan({}, { sectorBytes: 4096 })).toThrow(/260 MiB/);
  });

  it('never overlaps extents and keeps within the volume', () => {
    const { extents, volumeSizeBytes } = plan({ 'EFI/BOOT/BOOTX64.EFI': 100_001, 'EFI/Linux/a.efi': 2 * MIB, b: 1 });
    let end = 0;
    for (const { offset, length } of extents) {
      expect(offset).toBeGreaterThanOrEqual(end);
      end = offset + length;
    }
    expect(end).toBeLessThanOrEqual(volumeSizeBytes);
  });

  it('describes a 1 GiB volume in little memory, with clusters of 4 KiB', () => {
    const made = plan({ 'EFI/Linux/uki.efi': 60 * MIB }, { volumeSizeBytes: 1024 * MIB });
    const inMemory = made.extents.reduce((sum, extent) => sum + ('bytes' in extent ? extent.length : 0), 0);
    expect(made.clusterSizeBytes).toBe(4096);
    expect(inMemory).toBeLessThan(200_000);
  });

  it('keeps empty directories and empty files', async () => {
    const made = plan({ 'loader/random-seed': 0 }, { directories: ['EFI/Linux', 'loader/entries'] });
    const { entries } = await readFat32(open(write(made)));
    expect(entries.map(({ path }) => path)).toEqual([
      'EFI',
      'EFI/Linux',
      'loader',
      'loader/entries',
      'loader/random-seed',
    ]);
  });

  it('gives aliases as VFAT does', async () => {
    const files = ['BOOTX64.EFI', 'loader.conf', 'linux', 'bowline-1+3.conf', 'bowline-2+3.conf', '.hidden', 'a b.txt'];
    const found = await readFat32(open(write(plan(Object.fromEntries(files.map((file) => [file, 1]))))));
    expect(Object.fromEntries(found.entries.map(({ path, shortName }) => [path, shortName]))).toEqual({
      'BOOTX64.EFI': 'BOOTX64.EFI',
      'loader.conf': 'LOADER~1.CON',
      linux: 'LINUX',
      'bowline-1+3.conf': 'BOWLIN~1.CON',
      'bowline-2+3.conf': 'BOWLIN~2.CON',
      '.hidden': 'HIDDEN~1',
      'a b.txt': 'AB~1.TXT',
    });
    const [first] = plan({ longFileNames: 1 }).extents.slice(-2);
    expect(first && 'bytes' in first && first.bytes[32 + 13]).toBe(computeShortNameChecksum('LONGFI~1   '));
  });

  it('keeps a thousand names apart that begin alike', async () => {
    const files = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`same-beginning-${index}.conf`, 1]));
    const found = await readFat32(open(write(plan(files))));
    expect(new Set(found.entries.map(({ shortName }) => shortName)).size).toBe(1000);
  });

  it('measures the smallest volume that holds the files', () => {
    const files = [{ path: 'EFI/BOOT/BOOTX64.EFI', sizeBytes: 70 * MIB }];
    const volumeSizeBytes = measureFat32({ files });
    expect(planFat32({ ...base, files, volumeSizeBytes }).volumeSizeBytes).toBe(volumeSizeBytes);
    expect(() => planFat32({ ...base, files, volumeSizeBytes: volumeSizeBytes - MIB })).toThrow('the volume has room');
    expect(measureFat32({ files: [] })).toBe(33 * MIB);
  });

  it.each([
    ['a small volume', {}, { volumeSizeBytes: 32 * MIB }, '65525 clusters'],
    ['half a sector', {}, { volumeSizeBytes: 33 * MIB + 1 }, 'multiple of 512'],
    ['two names that differ in case', { a: 1, A: 1 }, {}, 'another entry has this name'],
    ['a file as a directory', { a: 1, 'a/b': 1 }, {}, 'it is a file too'],
    ['a forbidden character', { 'a:b': 1 }, {}, 'VFAT forbids it'],
    ['a way out', { '../a': 1 }, {}, 'VFAT forbids it'],
    ['a file of 4 GiB', { a: 2 ** 32 }, {}, 'below 4 GiB'],
    ['more than fits', { a: 40 * MIB }, {}, 'the volume has room'],
    ['a long label', {}, { label: 'TWELVE CHARS' }, '1 to 11'],
    ['the seventies', {}, { epochSeconds: 1 }, '1980 to 2107'],
  ] as const)('refuses %s', (_, files, more, message) => {
    expect(() => plan(files, more)).toThrow(message);
  });
});

describe('FAT32 reader', () => {
  const healthy = () => write(plan({ 'EFI/BOOT/BOOTX64.EFI': 3000, 'loader/loader.conf': 20 }));
  const table = 32 * 512;

  it('does not follow chains in circles', async () => {
    const volume = healthy();
    new DataView(volume.buffer).setUint32(table + 2 * 4, 2, true);
    await expect(readFat32(open(volume))).rejects.toThrow(FormatsError);
  });

  it('throws nothing but its own errors on damaged volumes', async () => {
    const volume = healthy();
    const dataStart = table + 2 * 512 * new DataView(volume.buffer).getUint32(36, true);
    const place = fc.oneof(
      fc.nat(511),
      fc.integer({ min: table, max: table + 64 }),
      fc.integer({ min: dataStart, max: dataStart + 4096 }),
    );
    await fc.assert(
      fc.asyncProperty(place, fc.uint8Array({ minLength: 1, maxLength: 32 }), async (at, junk) => {
        const before = volume.slice(at, at + junk.length);
        volume.set(junk, at);
        try {
          await readFat32(open(volume));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatsError);
        } finally {
          volume.set(before, at);
        }
      }),
      { numRuns: 500 },
    );
  });
});
