import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planFat32 } from '@bowline/formats';
import { nodeHost } from '@bowline/host';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BlockEvent, readBlockLog } from './fixtures/power-cut/block-log.ts';
import { DiskView } from './fixtures/power-cut/disk-view.ts';
import { FatView } from './fixtures/power-cut/fat-view.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-power-cut-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const sectorOf = (byte: number): Buffer => Buffer.alloc(512, byte);

/** A log as the kernel documentation describes it. */
async function writeLog(entries: readonly { sector: number; flags: number; data?: Buffer; sectors?: number }[]) {
  const superblock = Buffer.alloc(512);
  superblock.writeBigUInt64LE(0x6a736677736872n, 0);
  superblock.writeBigUInt64LE(1n, 8);
  superblock.writeUInt32LE(512, 24);
  const parts = entries.flatMap(({ sector, flags, data, sectors }) => {
    const header = Buffer.alloc(512);
    const values = [sector, data === undefined ? (sectors ?? 0) : data.length / 512, flags, 0];
    values.forEach((value, index) => header.writeBigUInt64LE(BigInt(value), index * 8));
    return data === undefined ? [header] : [header, data];
  });
  const path = join(folder, 'hand.log');
  await writeFile(path, Buffer.concat([superblock, ...parts]));
  return path;
}

describe('a log of writes', () => {
  it('is read in order: writes with their place, flushes, discards; a write with a flush comes after it', async () => {
    const path = await writeLog([
      { sector: 5, flags: 0, data: Buffer.concat([sectorOf(1), sectorOf(2)]) },
      { sector: 0, flags: 1 },
      { sector: 6, flags: 3, data: sectorOf(3) },
      { sector: 5, flags: 4, sectors: 1 },
    ]);
    expect(await readBlockLog(path)).toEqual([
      { kind: 'write', sector: 5, sectors: 2, logOffset: 1024, fua: false },
      { kind: 'flush' },
      { kind: 'flush' },
      { kind: 'write', sector: 6, sectors: 1, logOffset: 3072, fua: true },
      { kind: 'discard', sector: 5, sectors: 1 },
    ] satisfies BlockEvent[]);
  });

  it('of a real QEMU says what was written, and its replay gives the disk as it is now', async (ctx) => {
    const { processes } = nodeHost();
    const [disk, base, log] = ['disk.raw', 'base.raw', 'qemu.log'].map((name) => join(folder, name));
    if (disk === undefined || base === undefined || log === undefined) throw new TypeError('three paths');
    for (const path of [disk, base]) await writeFile(path, Buffer.alloc(64 * 512, 9));
    await writeFile(log, '');
    const options = [
      'driver=blklogwrites',
      `file.driver=raw,file.file.driver=file,file.file.filename=${disk}`,
      `log.driver=raw,log.file.driver=file,log.file.filename=${log}`,
    ].join(',');
    const commands = ['write -P 1 0 1k', 'flush', 'write -P 2 512 512', 'write -P 3 8k 4k', 'flush'];
    try {
      await processes.run({
        argv: ['qemu-io', ...commands.flatMap((command) => ['-c', command]), '--image-opts', options],
        timeoutMs: 60_000,
      });
    } catch (error) {
      ctx.skip(`qemu-io does not work here: ${String(error)}`);
    }
    const events = await readBlockLog(log);
    expect(events.map(({ kind }) => kind).filter((kind) => kind === 'write')).toHaveLength(3);
    const view = DiskView.open(base, log);
    try {
      for (const event of events) view.apply(event);
      const now = await open(disk, 'r');
      const { buffer } = await now.read(Buffer.alloc(64 * 512), 0, 64 * 512, 0);
      await now.close();
      expect(Buffer.from(view.read(0, 64 * 512)).equals(buffer)).toBe(true);
    } finally {
      view.close();
    }
  });
});

describe('a disk at a moment', () => {
  it('has what was written until then, whole sectors, parts of a write, or a sector by half', async () => {
    const base = join(folder, 'small.raw');
    await writeFile(base, Buffer.alloc(16 * 512, 9));
    const log = await writeLog([{ sector: 2, flags: 0, data: Buffer.concat([sectorOf(1), sectorOf(2), sectorOf(3)]) }]);
    const [event] = await readBlockLog(log);
    if (event?.kind !== 'write') throw new TypeError('a write was expected');
    const start = DiskView.open(base, log);
    try {
      const [part, torn] = [start.fork(), start.fork()];
      part.apply(event, 2);
      torn.applyTorn(event, 1);
      start.apply(event);
      const bytes = (view: DiskView) => [1, 2, 3, 4, 5].map((sector) => view.read(sector * 512, 512)[0]);
      expect(bytes(start)).toEqual([9, 1, 2, 3, 9]);
      expect(bytes(part)).toEqual([9, 1, 2, 9, 9]);
      expect([...torn.read(3 * 512 + 254, 4)]).toEqual([2, 2, 9, 9]);
      expect(start.read(2 * 512 + 100, 1000)).toHaveLength(1000);
      expect([...start.changes()].map(({ offset }) => offset)).toEqual([1024, 1536, 2048]);
    } finally {
      start.close();
    }
  });
});

describe('FAT as firmware sees it', () => {
  const files = new Map([
    ['loader/entries/bowline-1.conf', Buffer.from('title one\n')],
    ['loader/entries/bowline-12+3.conf', Buffer.from('title twelve\n')],
    ['EFI/BOOT/BOOTX64.EFI', Buffer.alloc(70_000, 5)],
  ]);
  async function volume(): Promise<Buffer> {
    const sizeBytes = 64 * 2 ** 20;
    const { extents } = planFat32({
      files: [...files].map(([path, content]) => ({ path, sizeBytes: content.length })),
      volumeSizeBytes: sizeBytes,
      volumeId: 1,
      label: 'TEST',
      epochSeconds: 1_767_225_600,
      hiddenSectors: 0,
    });
    const bytes = Buffer.alloc(sizeBytes);
    for (const extent of extents) {
      const content = 'bytes' in extent ? extent.bytes : files.get(extent.path);
      if (content !== undefined) bytes.set(content, extent.offset);
    }
    return bytes;
  }

  it('finds files by their long names, whatever their case, and nothing that is not there', async () => {
    const bytes = await volume();
    const fat = new FatView((offset, length) => bytes.subarray(offset, offset + length));
    expect(
      fat
        .list('loader/entries')
        ?.map(({ name }) => name)
        .toSorted(),
    ).toEqual(['bowline-1.conf', 'bowline-12+3.conf']);
    expect(Buffer.from(fat.file('LOADER/Entries/BOWLINE-12+3.conf') ?? []).toString()).toBe('title twelve\n');
    expect(Buffer.from(fat.file('efi/boot/bootx64.efi') ?? []).equals(Buffer.alloc(70_000, 5))).toBe(true);
    expect([fat.file('EFI/none'), fat.list('none')]).toEqual([undefined, undefined]);
  });

  it('refuses what is no FAT32', () => {
    expect(() => new FatView(() => new Uint8Array(512))).toThrow(RangeError);
  });
});
