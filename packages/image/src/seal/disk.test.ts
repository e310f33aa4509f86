import { type FileHandle, mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FatFound, parseGpt, readFat32 } from '@bowline/formats';
import { sha256File } from '@bowline/host';
import { ESP_FILES, parseGrubMenu, slotUuids } from '@bowline/os-layout';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guidOf, writeDisk } from './disk.ts';
import { writeEspImage } from './esp.ts';
import { makeSealedImage } from './image-fixture.ts';
import type { SealedImage } from './sealed-image.ts';

const SECTOR_BYTES = 512;
const TABLE_BYTES = 34 * SECTOR_BYTES;
const TIMEOUT_MS = 120_000;
const signal = new AbortController().signal;

let folder = '';
let path = '';
let image: SealedImage;
let written: Awaited<ReturnType<typeof writeDisk>>;
// One disk for all: hashing its holes takes seconds.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-disk-'));
  image = await makeSealedImage(folder);
  path = join(folder, 'disk.raw');
  written = await writeDisk(path, image, true, signal);
}, TIMEOUT_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await handle.read(bytes, 0, length, offset);
  return bytes.subarray(0, bytesRead);
}

async function withFile<T>(path: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(path, 'r');
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

/** Bytes of a file of a FAT volume that starts at an offset. */
async function readFatFile(handle: FileHandle, start: number, volume: FatFound, path: string): Promise<Buffer> {
  const entry = volume.entries.find((one) => one.path === path);
  expect(entry, path).toBeDefined();
  const pieces: Uint8Array[] = [];
  for (const run of entry?.runs ?? []) pieces.push(await readAt(handle, start + run.offset, run.length));
  return Buffer.concat(pieces);
}

describe('the disk image', () => {
  it(
    'holds ESP, BIOS boot and slot A, with GUIDs that follow from the root hash',
    async () => {
      const { size } = await stat(path);
      expect(written).toEqual({ sizeBytes: size, sha256: (await sha256File(path)).digest });
      await withFile(path, async (handle) => {
        const [start, end] = [
          await readAt(handle, 0, TABLE_BYTES),
          await readAt(handle, size - TABLE_BYTES, TABLE_BYTES),
        ];
        const gpt = parseGpt({ start, end, diskSizeBytes: size });
        expect(gpt.problems).toEqual([]);
        expect(gpt.source).toBe('primary');
        expect(gpt.diskGuid).toBe(guidOf(image.rootHash, 'disk'));
        expect(gpt.partitions.map(({ name }) => name)).toEqual(['esp', 'bios-boot', 'root-a', 'root-a-verity']);
        const [, , root, verity] = gpt.partitions;
        const uuids = slotUuids(image.rootHash);
        expect([root?.partGuid, verity?.partGuid]).toEqual([uuids.data, uuids.hash]);
        expect([root?.attributes, verity?.attributes]).toEqual(
          Array.from({ length: 2 }, () => expect.arrayContaining(['read-only', 'no-auto'])),
        );
        expect(root?.sizeBytes).toBe(image.slotBytes);
        const at = (partition: { startLba: number } | undefined): number => (partition?.startLba ?? 0) * SECTOR_BYTES;
        const { squashfs, verity: tree } = image;
        expect(await readAt(handle, at(root), squashfs.sizeBytes)).toEqual(
          new Uint8Array(await readFile(squashfs.path)),
        );
        expect(await readAt(handle, at(verity), tree.sizeBytes)).toEqual(new Uint8Array(await readFile(tree.path)));
      });
    },
    TIMEOUT_MS,
  );

  it('is sparse: what nobody wrote takes no room', async () => {
    const { size, blocks } = await stat(path);
    expect(size).toBeGreaterThan(1.2 * 2 ** 30);
    expect(blocks * SECTOR_BYTES).toBeLessThan(8 * 2 ** 20);
  });

  it('has an ESP with loader, first entry and the UKI that the entry names', async () => {
    await withFile(path, async (handle) => {
      const start = 2048 * SECTOR_BYTES;
      const volume = await readFat32((offset, length) => readAt(handle, start + offset, length));
      expect(volume).toMatchObject({ label: 'BOWLINE', volumeId: 0xa1a1a1a1 });
      const read = (name: string): Promise<Buffer> => readFatFile(handle, start, volume, name);
      const loader = await readFile(image.bootLoader.path);
      expect(await read('EFI/BOOT/BOOTX64.EFI')).toEqual(loader);
      expect(await read('EFI/systemd/systemd-bootx64.efi')).toEqual(loader);
      const entry = (await read('loader/entries/bowline-1.conf')).toString();
      const uki = /^efi \/(.+)$/m.exec(entry)?.[1] ?? '';
      expect(await read(uki)).toEqual(await readFile(image.uki.path));
      expect(entry).toContain('title edge 1.2');
      expect(entry).not.toContain('options');
      expect((await read('loader/loader.conf')).toString()).toContain('editor no');
    });
  });

  it('starts by BIOS, too: code in sector 0 leads to GRUB, and its menu to kernel and initrd in the UKI', async () => {
    await withFile(path, async (handle) => {
      const table = await readAt(handle, 0, TABLE_BYTES);
      const code = new DataView(table.buffer);
      const { size } = await stat(path);
      const end = await readAt(handle, size - TABLE_BYTES, TABLE_BYTES);
      const bios = parseGpt({ start: table, end, diskSizeBytes: size }).partitions[1];
      expect(code.getBigUint64(0x5c, true)).toBe(BigInt(bios?.startLba ?? 0));
      const core = await readFile(image.grub?.core.path ?? '');
      const placed = Buffer.from(await readAt(handle, (bios?.startLba ?? 0) * SECTOR_BYTES, core.length));
      expect(placed.subarray(SECTOR_BYTES)).toEqual(core.subarray(SECTOR_BYTES));
      expect(placed.readBigUInt64LE(500)).toBe(BigInt((bios?.startLba ?? 0) + 1));

      const start = 2048 * SECTOR_BYTES;
      const volume = await readFat32((offset, length) => readAt(handle, start + offset, length));
      const read = (name: string): Promise<Buffer> => readFatFile(handle, start, volume, name);
      expect((await read(ESP_FILES.grubMenu)).toString().trim()).toBe('menu=a');
      expect(parseGrubMenu(await read(ESP_FILES.grubMenuA))).toEqual([
        {
          generation: 1,
          state: 'good',
          title: 'edge 1.2',
          ukiDigest: image.uki.sha256,
          kernel: { start: 3, count: 20 },
          initrd: { start: 23, count: 40 },
          commandLine: 'roothash=disk',
        },
      ]);
      // GRUB writes it without the file system: in one piece.
      const block = volume.entries.find((entry) => entry.path === ESP_FILES.grubEnvironment);
      expect(block?.runs).toHaveLength(1);
      expect(await read(ESP_FILES.starts)).toHaveLength(SECTOR_BYTES);
    });
  });

  it(
    'of arm64 has no BIOS boot partition, and the loader under its own name',
    async () => {
      const other = join(folder, 'arm64.raw');
      const arm64 = await writeDisk(
        other,
        await makeSealedImage(await mkdtemp(join(folder, 'arm64-')), 'arm64'),
        true,
        signal,
      );
      expect(arm64.sha256).not.toBe(written.sha256);
      const { size } = await stat(other);
      await withFile(other, async (handle) => {
        const [start, end] = [
          await readAt(handle, 0, TABLE_BYTES),
          await readAt(handle, size - TABLE_BYTES, TABLE_BYTES),
        ];
        const { partitions } = parseGpt({ start, end, diskSizeBytes: size });
        expect(partitions.map(({ name }) => name)).toEqual(['esp', 'root-a', 'root-a-verity']);
        const esp = (partitions[0]?.startLba ?? 0) * SECTOR_BYTES;
        const volume = await readFat32((offset, length) => readAt(handle, esp + offset, length));
        const paths = volume.entries.map((entry) => entry.path);
        expect(paths).toContain('EFI/BOOT/BOOTAA64.EFI');
        expect(paths).not.toContain(ESP_FILES.grubMenu);
      });
    },
    TIMEOUT_MS,
  );

  it('never replaces a file', async () => {
    await expect(writeDisk(path, image, true, signal)).rejects.toThrow('EEXIST');
  });

  it('is not made when the build was stopped', async () => {
    await expect(writeDisk(join(folder, 'stopped.raw'), image, true, AbortSignal.abort())).rejects.toThrow();
  });
});

describe('the ESP of a medium', () => {
  it('is as small as its content, and its entry starts the live profile', async () => {
    const esp = join(folder, 'esp.img');
    await writeEspImage(esp, image, 'live', signal);
    const { size } = await stat(esp);
    expect(size).toBeLessThan(64 * 2 ** 20);
    await withFile(esp, async (handle) => {
      const volume = await readFat32((offset, length) => readAt(handle, offset, length));
      expect(volume.volumeSizeBytes).toBe(size);
      const entry = await readFatFile(handle, 0, volume, 'loader/entries/bowline-1.conf');
      expect(entry.toString()).toContain('options @1');
    });
  });
});

describe('a GUID of a purpose', () => {
  it('is one of version 8 (RFC 9562), its own for every purpose and root', () => {
    const guids = [guidOf('a', 'disk'), guidOf('a', 'esp'), guidOf('b', 'disk')];
    expect(new Set(guids).size).toBe(3);
    for (const guid of guids)
      expect(guid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
