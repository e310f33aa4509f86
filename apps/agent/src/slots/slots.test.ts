import { createHash } from 'node:crypto';
import { mkdir, open, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseGpt } from '@bowline/formats';
import { recoveryUuids, slotUuids } from '@bowline/os-layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runTool } from '../disk/disc-images.testdata.ts';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { type OpenBlockWriter, openBlockWriter } from './block-writer.ts';
import { findSystemDisk, partitionPath, readSystemDisk } from './find-system-disk.ts';
import { nameSlot } from './name-slot.ts';
import { readDiskEnds } from './read-slots.ts';
import { makeTestDisk } from './test-disk.testdata.ts';

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');
const HASH = { a: hashOf('a'), b: hashOf('b'), next: hashOf('next') };

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine();
});
afterEach(() => test.remove());

describe('the disk the machine runs from', () => {
  it('is found through device-mapper, with its slots, its ESP and what runs', async () => {
    const made = await makeTestDisk(test.root, { rootHashes: { a: HASH.a, recovery: HASH.a }, running: 'b' });
    const disk = await findSystemDisk(test.machine);
    expect(disk).toMatchObject({ path: '/dev/vda', running: 'b', espDevice: '/dev/vda1' });
    expect(disk.slots.map(({ name }) => name)).toEqual(['a', 'b', 'recovery']);
    expect(disk.slots.map(({ rootHash }) => rootHash === HASH.a)).toEqual([true, false, true]);
    const root = made.partitions['root-b'];
    expect(disk.slots[1]?.data).toEqual({
      path: made.file,
      offsetBytes: root?.offsetBytes,
      sizeBytes: root?.sizeBytes,
    });
  });

  it('is told from other disks with the same names', async () => {
    await makeTestDisk(test.root, { name: 'sda', running: undefined, rootHashes: { a: HASH.b } });
    await makeTestDisk(test.root, { name: 'nvme0n1', running: 'a', rootHashes: { a: HASH.a } });
    const disk = await findSystemDisk(test.machine);
    expect(disk).toMatchObject({ path: '/dev/nvme0n1', espDevice: '/dev/nvme0n1p1', running: 'a' });
    expect(disk.slots[0]?.rootHash).toBe(HASH.a);
  });

  it('is found below a further device-mapper device', async () => {
    await makeTestDisk(test.root, { running: undefined });
    const below = join(test.root, 'sys/class/block/dm-1');
    await mkdir(join(below, 'slaves/vda3'), { recursive: true });
    const top = join(test.root, 'sys/class/block/dm-0');
    await mkdir(join(top, 'dm'), { recursive: true });
    await mkdir(join(top, 'slaves'));
    await symlink('../../dm-1', join(top, 'slaves/dm-1'));
    await writeFile(join(top, 'dm/name'), 'root\n');
    expect(await findSystemDisk(test.machine)).toMatchObject({ running: 'a' });
  });

  it('does not exist on a live medium, nor without slots', async () => {
    await expect(findSystemDisk(test.machine)).rejects.toMatchObject({ code: 'NO_SYSTEM_DISK' });
    await mkdir(join(test.root, 'dev'));
    await writeFile(join(test.root, 'dev/sdb'), new Uint8Array(2 ** 20));
    await expect(readSystemDisk(test.machine, '/dev/sdb')).rejects.toMatchObject({ code: 'NO_SYSTEM_DISK' });
  });

  it('names partitions as the kernel does', () => {
    expect(['/dev/vda', '/dev/sdb', '/dev/nvme0n1', '/dev/mmcblk0'].map((disk) => partitionPath(disk, 3))).toEqual([
      '/dev/vda3',
      '/dev/sdb3',
      '/dev/nvme0n1p3',
      '/dev/mmcblk0p3',
    ]);
  });
});

describe('naming a slot', () => {
  it('changes the GUIDs of its two partitions and nothing else of the disk', async () => {
    const made = await makeTestDisk(test.root, { rootHashes: { a: HASH.a } });
    await made.fill('root-a', new Uint8Array(4096).fill(7));
    const before = await readFile(made.file);
    const disk = await findSystemDisk(test.machine);
    await nameSlot(disk, 'b', HASH.next);
    const after = await readFile(made.file);
    const tables = (bytes: Buffer) => bytes.subarray(34 * 512, -33 * 512);
    expect(tables(after).equals(tables(before))).toBe(true);
    expect(after.subarray(0, 512).equals(before.subarray(0, 512))).toBe(true);
    const table = parseGpt(await readDiskEnds(disk.device, disk.sectorBytes));
    expect(table.problems).toEqual([]);
    const guids = Object.fromEntries(table.partitions.map(({ name, partGuid }) => [name, partGuid]));
    expect({ data: guids['root-b'], hash: guids['root-b-verity'] }).toEqual(slotUuids(HASH.next));
    expect((await findSystemDisk(test.machine)).slots.map(({ rootHash }) => rootHash).slice(0, 2)).toEqual([
      HASH.a,
      HASH.next,
    ]);
  });

  it('gives the recovery slot GUIDs of its own, so that it may hold the same root', async () => {
    await makeTestDisk(test.root, { rootHashes: { a: HASH.a } });
    const disk = await findSystemDisk(test.machine);
    await nameSlot(disk, 'recovery', HASH.a);
    const table = parseGpt(await readDiskEnds(disk.device, disk.sectorBytes));
    expect(table.partitions.find(({ name }) => name === 'recovery')?.partGuid).toBe(recoveryUuids(HASH.a).data);
    expect((await findSystemDisk(test.machine)).slots[2]?.rootHash).toBe(HASH.a);
  });

  it('writes nothing when the slot has that name already', async () => {
    await makeTestDisk(test.root, { rootHashes: { b: HASH.b } });
    const opened: string[] = [];
    await nameSlot(await findSystemDisk(test.machine), 'b', HASH.b, async (path) => {
      opened.push(path);
      return openBlockWriter(path);
    });
    expect(opened).toEqual([]);
  });

  it('says old or new after every write, torn at any sector, and a second try completes it', async () => {
    const made = await makeTestDisk(test.root, { rootHashes: { b: HASH.b } });
    const pristine = await readFile(made.file);
    const disk = await findSystemDisk(test.machine);
    const cases = [0, 1].flatMap((write) => [0, 1, 2, 17, 32, 33].map((sectors) => ({ write, sectors })));
    for (const { write, sectors } of cases) {
      await writeFile(made.file, pristine);
      await expect(nameSlot(disk, 'b', HASH.next, cutAfter(write, sectors))).rejects.toThrow('power cut');
      const hash = (await findSystemDisk(test.machine)).slots[1]?.rootHash;
      expect([HASH.b, HASH.next]).toContain(hash);
      await nameSlot(await findSystemDisk(test.machine), 'b', HASH.next);
      const table = parseGpt(await readDiskEnds(disk.device, disk.sectorBytes));
      expect(table.problems).toEqual([]);
      expect((await findSystemDisk(test.machine)).slots[1]?.rootHash).toBe(HASH.next);
    }
  });

  it('gives a table in which sgdisk finds the new GUIDs and no problem', async (ctx) => {
    const made = await makeTestDisk(test.root, { rootHashes: { a: HASH.a } });
    await nameSlot(await findSystemDisk(test.machine), 'b', HASH.next);
    expect(await runTool(ctx, ['sgdisk', '-v', made.file])).toContain('No problems found');
    const number = made.partitions['root-b']?.number;
    expect((await runTool(ctx, ['sgdisk', `--info=${number}`, made.file])).toLowerCase()).toContain(
      slotUuids(HASH.next).data,
    );
  });

  it('repairs a torn backup on the way', async () => {
    const made = await makeTestDisk(test.root);
    const handle = await open(made.file, 'r+');
    await handle.write(new Uint8Array(512), 0, 512, made.sizeBytes - 512);
    await handle.close();
    const disk = await findSystemDisk(test.machine);
    await nameSlot(disk, 'b', HASH.next);
    expect(parseGpt(await readDiskEnds(disk.device, disk.sectorBytes)).problems).toEqual([]);
  });

  it('refuses a slot the disk does not have', async () => {
    await makeTestDisk(test.root, { recovery: false });
    await expect(nameSlot(await findSystemDisk(test.machine), 'recovery', HASH.a)).rejects.toMatchObject({
      code: 'NO_SYSTEM_DISK',
    });
  });
});

/** Lets `count` writes pass, then `sectors` sectors of the next, then nothing. */
function cutAfter(count: number, sectors: number): OpenBlockWriter {
  let done = 0;
  return async (path) => {
    const writer = await openBlockWriter(path);
    return {
      ...writer,
      write: async (offset, bytes) => {
        if (done < count) {
          done += 1;
          return writer.write(offset, bytes);
        }
        await writer.write(offset, bytes.subarray(0, sectors * 512));
        throw new Error('power cut');
      },
    };
  };
}
