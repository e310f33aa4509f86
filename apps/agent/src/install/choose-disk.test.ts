import { mkdir, open, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { placePartitions, writeGpt } from '@bowline/formats';
import { TYPE_GUID } from '@bowline/os-layout';
import { afterEach, describe, expect, it } from 'vitest';
import { chooseDisk } from './choose-disk.ts';
import { listDisks } from './disks.ts';
import {
  type LiveMachine,
  type LiveMachineOptions,
  makeLiveMachine,
  type TestDiskOptions,
} from './live-machine.testdata.ts';
import { planInstall } from './plan-install.ts';
import { PLAIN_WISH } from './wish.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
let live: LiveMachine | undefined;

afterEach(() => live?.remove());

async function start(disks: readonly TestDiskOptions[], options: LiveMachineOptions = {}): Promise<LiveMachine> {
  live = await makeLiveMachine({ disks, ...options });
  return live;
}

const pick = async (machine: LiveMachine, device: string) => (await chooseDisk(machine.machine, device)).path;

describe('disks by name', () => {
  it.each([
    ['vda', 'virtio'],
    ['sda', ''],
    ['nvme0n1', 'nvme'],
    ['mmcblk0', 'mmc'],
    ['xvda', ''],
  ])('%s is one', async (name, transport) => {
    const machine = await start([{ name, files: { 'device/model': 'DISK MODEL   \n', 'device/serial': 'S1\n' } }]);
    expect(await listDisks(machine.machine)).toMatchObject([
      { path: `/dev/${name}`, transport, model: 'DISK MODEL', serial: 'S1', isMedium: false, content: [] },
    ]);
  });

  it.each(['loop7', 'ram0', 'zram0', 'dm-3', 'md0', 'nbd0', 'fd0', 'sr1', 'mmcblk0boot0', 'mmcblk0rpmb', 'mtdblock0'])(
    '%s is none',
    async (name) => {
      const machine = await start([{ name }]);
      expect(await listDisks(machine.machine)).toEqual([]);
    },
  );

  it('leaves out paths that the kernel hides', async () => {
    const machine = await start([{ name: 'nvme0c0n1', files: { hidden: '1\n' } }, { name: 'nvme0n1' }]);
    expect((await listDisks(machine.machine)).map(({ path }) => path)).toEqual(['/dev/nvme0n1']);
  });

  it('knows how a disk is attached by where it hangs', async () => {
    const machine = await start([]);
    for (const [name, place] of [
      ['sdx', 'pci0000:00/usb1/1-1/block'],
      ['sdy', 'pci0000:00/ata1/host0/block'],
    ] as const) {
      const folder = join(machine.root, 'sys/devices', place, name);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'size'), `${GIB / 512}\n`);
      await symlink(`../../devices/${place}/${name}`, join(machine.root, 'sys/class/block', name));
    }
    const disks = await listDisks(machine.machine);
    expect(disks.map(({ path, transport }) => [path, transport])).toEqual([
      ['/dev/sdx', 'usb'],
      ['/dev/sdy', 'sata'],
    ]);
  });

  it('prefers the names below /dev/disk/by-id that people know', async () => {
    const machine = await start([{ name: 'nvme0n1' }]);
    const folder = join(machine.root, 'dev/disk/by-id');
    await mkdir(folder, { recursive: true });
    for (const name of ['nvme-eui.0025', 'nvme-Samsung_980_S1', 'wwn-0x5']) {
      await symlink('../../nvme0n1', join(folder, name));
    }
    expect((await listDisks(machine.machine))[0]?.id).toBe('/dev/disk/by-id/nvme-Samsung_980_S1');
    expect(await pick(machine, '/dev/disk/by-id/wwn-0x5')).toBe('/dev/nvme0n1');
  });
});

describe('install.device', () => {
  it('auto takes the largest, sticks only when there is nothing else, and never the medium', async () => {
    const two = [
      { name: 'vda', sizeBytes: 4 * GIB },
      { name: 'vdb', sizeBytes: 8 * GIB },
    ];
    const machine = await start([...two, { name: 'sdc', sizeBytes: 64 * GIB, files: { removable: '1\n' } }]);
    expect(await pick(machine, 'auto')).toBe('/dev/vdb');
    expect(await pick(machine, '')).toBe('/dev/vdb');
    await machine.remove();
    expect(await pick(await start([{ name: 'sdc', files: { removable: '1\n' } }]), 'auto')).toBe('/dev/sdc');
  });

  it('auto passes over what is mounted, write-protected, or the medium, whatever its size', async () => {
    const mounts =
      '41 20 8:1 / /mnt rw - ext4 /dev/sda1 rw\n40 20 8:16 / /run/bowline/medium ro - iso9660 /dev/sdb ro\n';
    const machine = await start(
      [
        {
          name: 'sda',
          sizeBytes: 64 * GIB,
          files: { 'sda1/partition': '1\n', 'sda1/size': '2048\n', 'sda1/dev': '8:1\n' },
        },
        { name: 'sdb', sizeBytes: 32 * GIB },
        { name: 'sdc', sizeBytes: 16 * GIB, files: { ro: '1\n' } },
        { name: 'sdd', sizeBytes: 4 * GIB },
      ],
      { files: { '/proc/self/mountinfo': mounts } },
    );
    await symlink('../../devices/test/block/sda/sda1', join(machine.root, 'sys/class/block/sda1'));
    expect(await pick(machine, 'auto')).toBe('/dev/sdd');
    const refused = (device: string) => planInstall(machine.machine, { ...PLAIN_WISH, device, force: true });
    await expect(refused('/dev/sda')).rejects.toMatchObject({
      code: 'DISK_IN_USE',
      message: /sda1 is mounted at \/mnt/,
    });
    await expect(refused('/dev/sda1')).rejects.toMatchObject({
      code: 'DISK_INVALID',
      message: /partition of \/dev\/sda/,
    });
    await expect(refused('/dev/sdb')).rejects.toMatchObject({ code: 'DISK_INVALID', message: /is the medium/ });
    await expect(refused('/dev/sdc')).rejects.toMatchObject({ code: 'DISK_INVALID', message: /write-protected/ });
  });

  it('may be a script that prints it', async () => {
    const machine = await start([{ name: 'vda' }, { name: 'vdb' }]);
    expect(await pick(machine, 'script://echo /dev/vdb')).toBe('/dev/vdb');
    expect(await pick(machine, 'script://echo auto')).toBe('/dev/vda');
    await expect(pick(machine, 'script://exit 3')).rejects.toThrow(/script of install.device/);
  });

  it.each([
    ['/dev/vdz', /is not there/],
    ['vda', /names no disk/],
    ['/dev/disk/by-partlabel/root-a', /only name a partition/],
    ['/dev/sr0', /is the medium|no disk/],
  ])('%s is refused, with the disks there are', async (device, message) => {
    const machine = await start([{ name: 'vda' }]);
    const refused = planInstall(machine.machine, { ...PLAIN_WISH, device });
    await expect(refused).rejects.toMatchObject({ code: 'DISK_INVALID', message });
    await expect(refused).rejects.toMatchObject({ hint: expect.stringContaining('/dev/vda (2 GiB)') as string });
  });

  it('says so when a machine has no disk', async () => {
    const machine = await start([]);
    await expect(pick(machine, 'auto')).rejects.toMatchObject({ code: 'DISK_INVALID', message: /has no disk/ });
  });
});

describe('a disk that is not empty', () => {
  const write = async (machine: LiveMachine, at: number, bytes: Uint8Array): Promise<void> => {
    await using file = await open(machine.file('vda'), 'r+');
    await file.write(bytes, 0, bytes.length, at);
  };
  const bytesOf = (text: string) => new TextEncoder().encode(text);
  const table = (typeGuid: string, name: string) => {
    const { partitions } = placePartitions([
      { typeGuid, partGuid: 'aaaaaaaa-0000-4000-8000-000000000001', name, sizeBytes: 100 * MIB },
    ]);
    return writeGpt({ diskGuid: 'aaaaaaaa-0000-4000-8000-000000000002', sizeBytes: 2048 * MIB, partitions });
  };

  it.each<[string, (machine: LiveMachine) => Promise<void>, RegExp]>([
    [
      'a GPT',
      (machine) => write(machine, 0, table(TYPE_GUID.root.amd64, 'data').primary),
      /data: partition 1 data \(100 MiB\)/,
    ],
    [
      'a GPT of which only the backup is left',
      (machine) => {
        const { backup, backupLba } = table(TYPE_GUID.root.amd64, 'data');
        return write(machine, backupLba * 512, backup);
      },
      /partition 1 data/,
    ],
    [
      'an installation',
      (machine) => write(machine, 0, table(TYPE_GUID.state, 'bowline-state').primary),
      /holds an installation of Bowline: partition 1 bowline-state/,
    ],
    [
      'an MBR table',
      async (machine) => {
        await write(machine, 446, Uint8Array.of(0x80, 0, 0, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 0, 16, 0));
        await write(machine, 510, Uint8Array.of(0x55, 0xaa));
      },
      /MBR partition 1 \(type 0x83, 512 MiB\)/,
    ],
    ['a file system without a table', (machine) => write(machine, 0, bytesOf('XFSB')), /a file system xfs/],
    ['an encrypted disk', (machine) => write(machine, 0, Uint8Array.of(...bytesOf('LUKS'), 0xba, 0xbe)), /luks/],
    ['bytes somewhere', (machine) => write(machine, 1024 * MIB, bytesOf('mine')), /data without a partition table/],
    ['bytes at the end', (machine) => write(machine, 2048 * MIB - 4, bytesOf('mine')), /data without/],
  ])('with %s is refused by name, and erased with force', async (_what, prepare, message) => {
    const machine = await start([{ name: 'vda' }]);
    await prepare(machine);
    await expect(planInstall(machine.machine, PLAIN_WISH)).rejects.toMatchObject({ code: 'DISK_IN_USE', message });
    const plan = await planInstall(machine.machine, { ...PLAIN_WISH, force: true });
    expect(plan.erased).not.toEqual([]);
  });
});
