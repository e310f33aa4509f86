import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FormatsError, type RandomRead, readFat, readIso9660 } from '@bowline/formats';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withDevice } from './device-bytes.ts';
import { type DiscFiles, makeFat, makeIso, runTool } from './disc-images.testdata.ts';
import { probeFileSystem } from './file-system-label.ts';
import { openVolumeFiles } from './volume-files.ts';

let folder: string;
let image: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-volumes-'));
  image = join(folder, 'image');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const files: DiscFiles = {
  'user-data': '#cloud-config\nhostname: edge\n',
  'meta-data': 'instance-id: i-1\n',
  'openstack/latest/user_data': 'x'.repeat(70_000),
  'openstack/latest/a-rather-long-file-name-that-no-short-name-holds.json': '{}',
  empty: '',
};

const reader =
  (bytes: Uint8Array): RandomRead =>
  (offset, length) =>
    bytes.subarray(offset, offset + length);

async function textsOf(path: string, type: 'iso9660' | 'vfat'): Promise<Record<string, string>> {
  return withDevice(path, async (read) => {
    const volume = await openVolumeFiles(read, type);
    const texts: Record<string, string> = {};
    for (const name of volume.paths) {
      texts[name] = Buffer.from((await volume.read(name, 1e6)) ?? []).toString('utf8');
    }
    return texts;
  });
}

describe('discs of other tools', () => {
  for (const names of ['rock-ridge', 'joliet'] as const) {
    it(`ISO 9660 with the names of ${names}`, async (ctx) => {
      await makeIso(ctx, image, { label: 'cidata', files, names });
      expect(await withDevice(image, probeFileSystem)).toEqual({ type: 'iso9660', label: 'cidata' });
      expect((await withDevice(image, readIso9660)).names).toBe(names);
      expect(await textsOf(image, 'iso9660')).toEqual(files);
    });
  }

  it('ISO 9660 with plain names, which are shown small', async (ctx) => {
    await makeIso(ctx, image, { label: 'CIDATA', files: { 'USERDATA.TXT': 'a', 'DIR/B.TXT': 'b' }, names: 'plain' });
    expect((await withDevice(image, readIso9660)).names).toBe('plain');
    expect(await textsOf(image, 'iso9660')).toEqual({ 'userdata.txt': 'a', 'dir/b.txt': 'b' });
  });

  it('Rock Ridge names that go on in another block, and links, which are left out', async (ctx) => {
    const long = `${'n'.repeat(240)}.yaml`;
    await makeIso(ctx, image, { label: 'X', files: { [long]: 'long', [`d/${long}`]: 'deep' } });
    expect(await textsOf(image, 'iso9660')).toEqual({ [long]: 'long', [`d/${long}`]: 'deep' });
  });

  for (const bits of [12, 16, 32] as const) {
    it(`FAT${bits} with long names`, async (ctx) => {
      await makeFat(ctx, image, { label: 'CIDATA', files, bits });
      expect(await withDevice(image, probeFileSystem)).toEqual({ type: 'vfat', label: 'CIDATA' });
      expect((await withDevice(image, readFat)).type).toBe(`fat${bits}`);
      expect(await textsOf(image, 'vfat')).toEqual(files);
    });
  }

  it('file systems that are only recognised', async (ctx) => {
    for (const [type, label] of [
      ['ext4', 'COS_PERSISTENT'],
      ['ext3', 'data'],
      ['ext2', ''],
    ] as const) {
      await runTool(ctx, ['mke2fs', '-q', '-F', '-t', type, '-L', label, image, '4M']);
      expect(await withDevice(image, probeFileSystem)).toEqual({ type, label });
    }
  });

  it('finds files whatever their case, and refuses those that are too large', async (ctx) => {
    await makeFat(ctx, image, { label: 'CIDATA', files, bits: 12 });
    await withDevice(image, async (read) => {
      const volume = await openVolumeFiles(read, 'vfat');
      expect(await volume.read('USER-DATA', 100)).toBeDefined();
      expect(await volume.read('no-such', 100)).toBeUndefined();
      await expect(volume.read('openstack/latest/user_data', 100)).rejects.toMatchObject({ code: 'DATASOURCE_FAILED' });
    });
  });
});

describe('damaged discs', () => {
  async function holdsAgainst(bytes: Uint8Array, read: (read: RandomRead) => Promise<unknown>, structures: number[]) {
    const place = fc.oneof(...structures.map((at) => fc.integer({ min: at, max: at + 2100 })));
    await fc.assert(
      fc.asyncProperty(place, fc.uint8Array({ minLength: 1, maxLength: 40 }), async (at, junk) => {
        const before = bytes.slice(at, at + junk.length);
        bytes.set(junk.subarray(0, before.length), at);
        try {
          await read(reader(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatsError);
        } finally {
          bytes.set(before, at);
        }
      }),
      { numRuns: 1500 },
    );
    for (const length of [0, 100, 511, 32_768, 40_000, bytes.length - 1]) {
      await read(reader(bytes.subarray(0, length))).catch((error: unknown) => {
        expect(error).toBeInstanceOf(FormatsError);
      });
    }
  }

  for (const names of ['rock-ridge', 'joliet'] as const) {
    it(`ISO 9660 (${names}): nothing but errors of the reader`, async (ctx) => {
      await makeIso(ctx, image, { label: 'cidata', files, names });
      const bytes = Uint8Array.from(await readFile(image));
      const { entries } = await readIso9660(reader(bytes));
      expect(entries.length).toBeGreaterThan(3);
      const tables = [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26].map((sector) => sector * 2048);
      await holdsAgainst(bytes, readIso9660, tables);
    });
  }

  for (const bits of [12, 16] as const) {
    it(`FAT${bits}: nothing but errors of the reader`, async (ctx) => {
      await makeFat(ctx, image, { label: 'CIDATA', files, bits });
      const bytes = Uint8Array.from(await readFile(image));
      const boot = new DataView(bytes.buffer);
      const table = boot.getUint16(14, true) * 512;
      const root = table + 2 * boot.getUint16(22, true) * 512;
      await holdsAgainst(bytes, readFat, [0, table, root]);
    });
  }

  it('a directory of an ISO 9660 disc that contains itself', async (ctx) => {
    await makeIso(ctx, image, { label: 'cidata', files: { 'dir/file': 'x' } });
    const bytes = Uint8Array.from(await readFile(image));
    const view = new DataView(bytes.buffer);
    const root = view.getUint32(16 * 2048 + 158, true) * 2048;
    // The third record of the root is the folder: `.`, `..`, `dir`.
    const third = root + (bytes[root] ?? 0) + (bytes[root + (bytes[root] ?? 0)] ?? 0);
    view.setUint32(third + 2, root / 2048, true);
    await expect(readIso9660(reader(bytes))).rejects.toMatchObject({ code: 'FORMAT_INVALID' });
  });

  it('noise is no file system', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), async (bytes) => {
        expect(await probeFileSystem(reader(bytes))).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });
});
