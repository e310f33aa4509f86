import { access, mkdir, open, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseGpt, writeGpt } from '@bowline/formats';
import { TYPE_GUID } from '@bowline/os-layout';
import type { Step } from '@bowline/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withDevice } from '../disk/device-bytes.ts';
import { makeFat, runTool, type Skips } from '../disk/disc-images.testdata.ts';
import { probeFileSystem } from '../disk/file-system-label.ts';
import { fileSystemSize } from '../disk/file-system-size.ts';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { layout } from './layout.ts';
import { addProgram, runPlugin, runTwice, summariesOf } from './run-plugin.testdata.ts';

type Config = NonNullable<Step['layout']>;

const MIB = 1024 * 1024;
const DISK = '/srv/disk.img';

let test: TestMachine;
let disk: string;
beforeEach(async () => {
  test = await makeTestMachine();
  disk = join(test.root, DISK);
  await mkdir(join(test.root, 'srv'));
});
afterEach(() => test.remove());

/** Gives the machine the tools of the build machine; the test is skipped without them. */
async function lendTools(ctx: Skips, ...names: string[]): Promise<void> {
  await mkdir(join(test.root, 'usr/sbin'), { recursive: true });
  for (const name of names) {
    const places = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'].map((folder) => join(folder, name));
    const found: string[] = [];
    for (const place of places) if (await exists(place)) found.push(place);
    if (found[0] === undefined) ctx.skip(`${name} is not installed`);
    else await symlink(found[0], join(test.root, 'usr/sbin', name));
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function makeDisk(sizeMib: number): Promise<void> {
  await writeFile(disk, '');
  await truncate(disk, sizeMib * MIB);
}

async function tableOf() {
  const bytes = await readFile(disk);
  const ends = { start: bytes.subarray(0, 34 * 512), end: bytes.subarray(-33 * 512), diskSizeBytes: bytes.length };
  return parseGpt(ends);
}

async function inPartition<T>(
  number: number,
  use: (read: (offset: number, length: number) => Uint8Array | Promise<Uint8Array>) => Promise<T>,
): Promise<T> {
  const partition = (await tableOf()).partitions.find((one) => one.number === number);
  if (partition === undefined) throw new Error(`no partition ${number}`);
  return withDevice(disk, (read) => use((offset, length) => read(partition.startLba * 512 + offset, length)));
}

const probe = (number: number) => inPartition(number, probeFileSystem);

const onDisk = (more: Partial<Config> = {}, device: Partial<Config['device']> = {}): Config => ({
  device: { path: DISK, init_disk: true, ...device },
  ...more,
});
const data = { pLabel: 'data', fsLabel: 'DATA', size: 64, filesystem: 'ext4' };

describe('layout: adding', () => {
  it('makes a table, partitions and file systems, and nothing the second time', async (ctx) => {
    await lendTools(ctx, 'mke2fs');
    await makeDisk(256);
    const config = onDisk({ add_partitions: [data, { fsLabel: 'REST', size: 0 }] });
    expect(await runTwice(test, layout, config)).toEqual([true, false]);
    const { problems, partitions } = await tableOf();
    expect(problems).toEqual([]);
    expect(partitions.map(({ name, startLba, sizeBytes }) => [name, startLba / 2048, sizeBytes / MIB])).toEqual([
      ['data', 1, 64],
      ['REST', 65, 190],
    ]);
    expect(await probe(1)).toEqual({ type: 'ext4', label: 'DATA' });
    expect(await probe(2)).toEqual({ type: 'ext2', label: 'REST' });
    expect(await runTool(ctx, ['sgdisk', '-v', disk])).toContain('No problems found');
  });

  it('gives the disk the same GUID for the same name', async () => {
    await makeDisk(64);
    await runPlugin(test, layout, onDisk({}, { disk_name: 'one' }));
    const first = (await tableOf()).diskGuid;
    await makeDisk(64);
    await runPlugin(test, layout, onDisk({}, { disk_name: 'one' }));
    expect((await tableOf()).diskGuid).toBe(first);
    await makeDisk(64);
    await runPlugin(test, layout, onDisk({}, { disk_name: 'two' }));
    expect((await tableOf()).diskGuid).not.toBe(first);
  });

  it('leaves a partition with that name as it is, contents too', async (ctx) => {
    await lendTools(ctx, 'mke2fs');
    await makeDisk(256);
    await runPlugin(test, layout, onDisk({ add_partitions: [data] }));
    const before = await readFile(disk);
    const other = { ...data, fsLabel: 'OTHER', size: 100, filesystem: 'ext2' };
    expect(await runTwice(test, layout, onDisk({ add_partitions: [other] }))).toEqual([false, false]);
    expect((await readFile(disk)).equals(before)).toBe(true);
  });

  it.each(['none', 'noformat', 'no-format'])('leaves a partition raw with filesystem: %s', async (filesystem) => {
    await makeDisk(128);
    const config = onDisk({ add_partitions: [{ pLabel: 'raw', size: 64, filesystem }] });
    expect(await runTwice(test, layout, config)).toEqual([true, false]);
    expect(await probe(1)).toBeUndefined();
  });

  it('clears what lay in the free space before, so that nothing old shows up', async (ctx) => {
    await makeDisk(128);
    await runTool(ctx, ['mke2fs', '-q', '-F', '-t', 'ext4', '-E', `offset=${MIB}`, disk, '32M']);
    const wipe = await open(disk, 'r+');
    await wipe.write(Buffer.alloc(MIB), 0, MIB, 0);
    await wipe.close();
    await runPlugin(test, layout, onDisk({ add_partitions: [{ pLabel: 'raw', size: 64, filesystem: 'none' }] }));
    expect(await probe(1)).toBeUndefined();
  });

  it('makes the file system that a power failure prevented', async (ctx) => {
    await makeDisk(128);
    const config = onDisk({ add_partitions: [data] });
    await addProgram(test, 'mkfs.ext4', 'exit 1');
    await expect(runPlugin(test, layout, config)).rejects.toThrow();
    expect((await tableOf()).partitions).toHaveLength(1);
    await lendTools(ctx, 'mkfs.ext4');
    await rm(join(test.root, 'usr/bin/mkfs.ext4'));
    expect(await runTwice(test, layout, config)).toEqual([true, false]);
    expect(await probe(1)).toEqual({ type: 'ext4', label: 'DATA' });
  });

  it('takes the path before the label, and a script that prints the path', async () => {
    await makeDisk(64);
    const part = { add_partitions: [{ pLabel: 'raw', size: 0, filesystem: 'none' }] };
    await addProgram(test, 'pick-disk', 'echo "$1"');
    const path = `script://${test.root}/usr/bin/pick-disk ${DISK}`;
    await runPlugin(test, layout, { device: { path, init_disk: true, label: 'NOWHERE' }, ...part });
    expect((await tableOf()).partitions).toHaveLength(1);
  });
});

describe('layout: growing', () => {
  let loop = '';
  beforeEach(() => {
    loop = '';
  });
  afterEach(async () => {
    if (loop !== '') await runTool({ skip: () => undefined }, ['losetup', '-d', loop]);
  });

  /** Makes the disk a block device of this very machine: only there do partitions have devices. */
  async function attach(ctx: Skips, sizeMib: number): Promise<void> {
    if (process.getuid?.() !== 0) ctx.skip('only root has loop devices');
    await lendTools(ctx, 'partx', 'mke2fs', 'e2fsck', 'resize2fs');
    await makeDisk(sizeMib);
    try {
      loop = (await runTool(ctx, ['losetup', '-f', '--show', disk])).trim();
    } catch {
      ctx.skip('there are no loop devices');
    }
    await mkdir(join(test.root, 'sys/class'), { recursive: true });
    await symlink('/sys/class/block', join(test.root, 'sys/class/block'));
    await symlink('/dev', join(test.root, 'dev'));
  }

  const onLoop = (more: Partial<Config>): Config => ({ device: { path: loop, init_disk: true }, ...more });
  const sizeOf = () => inPartition(1, (read) => fileSystemSize(read, 'ext4'));

  async function enlarge(ctx: Skips, sizeMib: number): Promise<void> {
    await truncate(disk, sizeMib * MIB);
    await runTool(ctx, ['losetup', '-c', loop]);
  }

  it('grows the last partition and its file system with the disk, and nothing the second time', async (ctx) => {
    await attach(ctx, 128);
    expect(await runTwice(test, layout, onLoop({ add_partitions: [data] }))).toEqual([true, false]);
    await enlarge(ctx, 512);
    const config = onLoop({ add_partitions: [data], expand_partition: { size: 0 } });
    expect(await runTwice(test, layout, config)).toEqual([true, false]);
    expect((await tableOf()).problems).toEqual([]);
    expect((await tableOf()).partitions[0]?.sizeBytes).toBe(510 * MIB);
    expect(await sizeOf()).toBe(510 * MIB);
    expect(await runTool(ctx, ['sgdisk', '-v', disk])).toContain('No problems found');
    await runTool(ctx, ['e2fsck', '-f', '-n', `${loop}p1`]);
  });

  it('grows by the label of the file system, also when COS_PERSISTENT is only another name of state', async (ctx) => {
    await attach(ctx, 128);
    await runPlugin(test, layout, onLoop({ add_partitions: [{ ...data, fsLabel: `T${process.pid}` }] }));
    await enlarge(ctx, 192);
    await runPlugin(test, layout, { device: { label: `T${process.pid}` }, expand_partition: { size: 0 } });
    expect(await sizeOf()).toBe(190 * MIB);
    await runTool(ctx, ['sgdisk', '-t', `1:${TYPE_GUID.state}`, loop]);
    await enlarge(ctx, 256);
    await runPlugin(test, layout, { device: { label: 'COS_PERSISTENT' }, expand_partition: {} });
    expect(await sizeOf()).toBe(254 * MIB);
  });

  it('grows a file system whose partition had grown when the power failed', async (ctx) => {
    await attach(ctx, 256);
    await runPlugin(test, layout, onLoop({ add_partitions: [data] }));
    await addProgram(test, 'resize2fs', 'exit 1');
    await rm(join(test.root, 'usr/sbin/resize2fs'));
    const config = onLoop({ expand_partition: { size: 128 } });
    await expect(runPlugin(test, layout, config)).rejects.toThrow();
    expect((await tableOf()).partitions[0]?.sizeBytes).toBe(128 * MIB);
    await rm(join(test.root, 'usr/bin/resize2fs'));
    await lendTools(ctx, 'resize2fs');
    expect(await runTwice(test, layout, config)).toEqual([true, false]);
    expect(await sizeOf()).toBe(128 * MIB);
  });

  it('refuses to grow FAT, before the table is changed', async (ctx) => {
    await attach(ctx, 128);
    await runPlugin(test, layout, onLoop({ add_partitions: [{ pLabel: 'raw', size: 32, filesystem: 'none' }] }));
    const volume = join(test.root, 'fat');
    await makeFat(ctx, volume, { label: 'X', files: {}, bits: 16 });
    const handle = await open(`${loop}p1`, 'r+');
    const bytes = await readFile(volume);
    await handle.write(bytes, 0, bytes.length, 0);
    await handle.sync();
    await handle.close();
    await expect(runPlugin(test, layout, onLoop({ expand_partition: {} }))).rejects.toMatchObject({
      code: 'DISK_INVALID',
      message: expect.stringContaining('vfat cannot be grown'),
    });
    expect((await tableOf()).partitions[0]?.sizeBytes).toBe(32 * MIB);
  });

  it('refuses to grow a file system inside an image file', async (ctx) => {
    await lendTools(ctx, 'mke2fs');
    await makeDisk(256);
    await runPlugin(test, layout, onDisk({ add_partitions: [data] }));
    const before = await readFile(disk);
    await expect(runPlugin(test, layout, onDisk({ expand_partition: {} }))).rejects.toThrow(/losetup|inside the file/);
    expect((await readFile(disk)).equals(before)).toBe(true);
  });
});

describe('layout: refusals change nothing', () => {
  async function refuses(config: Config, message: RegExp, code = 'DISK_INVALID'): Promise<void> {
    const before = await readFile(disk).catch(() => undefined);
    await expect(runPlugin(test, layout, config)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    if (before !== undefined) expect((await readFile(disk)).equals(before)).toBe(true);
  }

  it('a disk without a table, unless init_disk is set', async () => {
    await makeDisk(64);
    await refuses(onDisk({ add_partitions: [data] }, { init_disk: false }), /no partition table/);
  });

  it('a disk with a file system, also with init_disk', async (ctx) => {
    await runTool(ctx, ['mke2fs', '-q', '-F', '-t', 'ext4', disk, '64M']);
    await refuses(onDisk(), /a file system \(ext4\)/);
  });

  it('a disk of LVM', async () => {
    await makeDisk(64);
    const handle = await open(disk, 'r+');
    await handle.write(Buffer.from('LABELONE'), 0, 8, 512);
    await handle.close();
    await refuses(onDisk(), /LVM/);
  });

  it('an MBR partition table', async () => {
    await makeDisk(64);
    const table = Buffer.alloc(512);
    // One Linux partition (type 0x83) from sector 2048 on.
    table.set([0, 0, 0, 0, 0x83, 0, 0, 0], 446);
    table.writeUInt32LE(2048, 446 + 8);
    table.writeUInt32LE(64 * 2048 - 2048, 446 + 12);
    table.set([0x55, 0xaa], 510);
    const handle = await open(disk, 'r+');
    await handle.write(table, 0, table.length, 0);
    await handle.close();
    await refuses(onDisk(), /MBR/);
  });

  it('a GPT that is damaged in both copies', async () => {
    await makeDisk(64);
    await runPlugin(test, layout, onDisk());
    const handle = await open(disk, 'r+');
    await handle.write(Buffer.from('xx'), 0, 2, 512 + 60);
    await handle.write(Buffer.from('xx'), 0, 2, 64 * MIB - 512 + 60);
    await handle.close();
    await refuses(onDisk(), /damaged in both copies/);
  });

  it('more than fits', async (ctx) => {
    await lendTools(ctx, 'mke2fs');
    await makeDisk(64);
    await runPlugin(test, layout, onDisk());
    await refuses(onDisk({ add_partitions: [{ ...data, size: 100 }] }), /needs 100 MiB/);
  });

  it('a file system whose program is missing', async () => {
    await makeDisk(128);
    await runPlugin(test, layout, onDisk());
    await refuses(onDisk({ add_partitions: [{ ...data, filesystem: 'btrfs' }] }), /mkfs\.btrfs/, 'PROGRAM_MISSING');
  });

  it('disks that are not there', async () => {
    await refuses(onDisk({}, { path: '/dev/nothing' }), /is not there/);
    await refuses({ device: { label: 'NOTHING' }, expand_partition: {} }, /no disk has a file system with the label/);
    await refuses(onDisk({}, { path: 'script://echo relative' }), /no absolute path/);
  });

  it('slots of the system itself', async () => {
    await makeDisk(256);
    const slot = { partGuid: 'aaaaaaaa-0000-4000-8000-000000000001', startLba: 2048, sizeBytes: 64 * MIB };
    const partitions = [{ ...slot, name: 'root-a', typeGuid: TYPE_GUID.root.amd64 }];
    const guid = 'aaaaaaaa-0000-4000-8000-000000000009';
    const made = writeGpt({ diskGuid: guid, sizeBytes: 256 * MIB, partitions });
    const handle = await open(disk, 'r+');
    await handle.write(made.primary, 0, made.primary.length, 0);
    await handle.write(made.backup, 0, made.backup.length, made.backupLba * 512);
    await handle.close();
    await refuses(onDisk({ expand_partition: {} }), /belongs to the system/);
  });

  it.each<[string, Config, RegExp]>([
    ['no disk', { device: {} }, /path or a label/],
    ['init_disk with a label only', { device: { label: 'X', init_disk: true } }, /init_disk needs/],
    ['an unknown file system', onDisk({ add_partitions: [{ filesystem: 'zfs' }] }), /the file system "zfs"/],
    ['an XFS label of 13', onDisk({ add_partitions: [{ fsLabel: 'x'.repeat(13), filesystem: 'xfs' }] }), /holds 12/],
    ['a FAT label of 12', onDisk({ add_partitions: [{ fsLabel: 'x'.repeat(12), filesystem: 'vfat' }] }), /holds 11/],
    ['a label that is an option', onDisk({ add_partitions: [{ fsLabel: '-x' }] }), /the label/],
    ['one name twice', onDisk({ add_partitions: [data, data] }), /two partitions with the name/],
    ['a long name', onDisk({ add_partitions: [{ pLabel: 'x'.repeat(37) }] }), /36 characters/],
  ])('by the configuration alone: %s', (_, config, message) => {
    expect(() => summariesOf(layout, config)).toThrow(
      expect.objectContaining({ code: 'STEP_INVALID', message: expect.stringMatching(message) }),
    );
  });
});

describe('layout: the step', () => {
  it('says what it will do', () => {
    const config = onDisk({ add_partitions: [data, { pLabel: 'x' }], expand_partition: { size: 0 } });
    expect(summariesOf(layout, config)).toEqual([
      'lay out /srv/disk.img: make a table if there is none, add data (64 MiB, ext4), add x (all that is left, ext2), grow the last partition to all that is left',
    ]);
  });
});
