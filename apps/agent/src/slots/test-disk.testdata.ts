import { mkdir, open, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { placePartitions, writeGpt } from '@bowline/formats';
import { recoveryUuids, STATE_LABEL, slotUuids, TYPE_GUID } from '@bowline/os-layout';
import { SLOT_LABELS, type SlotName } from './slots.ts';

const MIB = 2 ** 20;
const NUMBER_GUID = (number: number) => `bbbbbbbb-0000-4000-8000-${String(number).padStart(12, '0')}`;

/** A disk to make. */
export interface TestDiskOptions {
  /** Root hashes that slots are named by; the others have GUIDs that stand for nothing that exists. */
  rootHashes?: Partial<Record<SlotName, string>>;
  /** Slot below `/dev/mapper/root`; `undefined` for a machine that runs from something else. `a` unless given. */
  running?: SlotName | undefined;
  slotBytes?: number;
  hashBytes?: number;
  espBytes?: number;
  recovery?: boolean;
  /** Kernel name; `vda` unless given. */
  name?: string;
}

/** A disk that was made: an image in a file at `/dev/NAME` of the machine, with a GPT of the whole layout, and its sysfs. */
export interface TestDisk {
  /** As this process opens it. */
  file: string;
  /** As the machine names it. */
  path: string;
  sizeBytes: number;
  /** Kernel names by GPT label: `root-a` is `vda3`. */
  partitions: Readonly<Record<string, { name: string; number: number; offsetBytes: number; sizeBytes: number }>>;
  /** Puts bytes into a partition. */
  fill(label: string, bytes: Uint8Array, offsetBytes?: number): Promise<void>;
  /** Lets sysfs say that the root lies in this slot. */
  run(slot: SlotName): Promise<void>;
}

/** Makes the disk of an installed machine in the folder `root` that stands for the machine. */
export async function makeTestDisk(root: string, options: TestDiskOptions = {}): Promise<TestDisk> {
  const name = options.name ?? 'vda';
  const { partitions, diskSizeBytes } = placePartitions(planPartitions(options));
  const path = `/dev/${name}`;
  const file = join(root, path);
  await mkdir(dirname(file), { recursive: true });
  const table = writeGpt({ diskGuid: NUMBER_GUID(99), sizeBytes: diskSizeBytes, partitions });
  const handle = await open(file, 'w+');
  await handle.truncate(diskSizeBytes);
  await handle.write(table.primary, 0, table.primary.length, 0);
  await handle.write(table.backup, 0, table.backup.length, table.backupLba * 512);
  await handle.close();
  const separator = /[0-9]$/.test(name) ? 'p' : '';
  const found = Object.fromEntries(
    partitions.map((partition, index) => [
      partition.name,
      {
        name: `${name}${separator}${index + 1}`,
        number: index + 1,
        offsetBytes: partition.startLba * 512,
        sizeBytes: partition.sizeBytes,
      },
    ]),
  );
  await makeSysfs(root, name, diskSizeBytes, Object.values(found));
  const run = (slot: SlotName) => makeRootDevice(root, [found[SLOT_LABELS[slot].data], found[SLOT_LABELS[slot].hash]]);
  if (!('running' in options)) await run('a');
  else if (options.running !== undefined) await run(options.running);
  return {
    file,
    path,
    sizeBytes: diskSizeBytes,
    partitions: found,
    run,
    fill: async (label, bytes, offsetBytes = 0) => {
      const partition = found[label];
      if (partition === undefined) throw new Error(`the test disk has no partition ${label}`);
      const disk = await open(file, 'r+');
      await disk.write(bytes, 0, bytes.length, partition.offsetBytes + offsetBytes);
      await disk.close();
    },
  };
}

function planPartitions(options: TestDiskOptions) {
  const { slotBytes = 4 * MIB, hashBytes = MIB, espBytes = 2 * MIB, recovery = true } = options;
  const plain = (label: string, typeGuid: string, sizeBytes: number, partGuid: string) => ({
    name: label,
    typeGuid,
    sizeBytes,
    partGuid,
    attributes: ['no-auto'] as const,
  });
  const pair = (slot: SlotName, number: number) => {
    const rootHash = options.rootHashes?.[slot];
    const guids = slot === 'recovery' ? recoveryUuids : slotUuids;
    const uuids = rootHash === undefined ? undefined : guids(rootHash);
    return [
      plain(SLOT_LABELS[slot].data, TYPE_GUID.root.amd64, slotBytes, uuids?.data ?? NUMBER_GUID(number)),
      plain(SLOT_LABELS[slot].hash, TYPE_GUID.rootVerity.amd64, hashBytes, uuids?.hash ?? NUMBER_GUID(number + 1)),
    ];
  };
  return [
    plain('esp', TYPE_GUID.esp, espBytes, NUMBER_GUID(1)),
    plain('bios-boot', TYPE_GUID.biosBoot, MIB, NUMBER_GUID(2)),
    ...pair('a', 3),
    ...pair('b', 5),
    ...(recovery ? pair('recovery', 7) : []),
    plain(STATE_LABEL, TYPE_GUID.state, MIB, NUMBER_GUID(9)),
  ];
}

async function makeSysfs(
  root: string,
  disk: string,
  sizeBytes: number,
  partitions: readonly { name: string; number: number; sizeBytes: number }[],
): Promise<void> {
  const classes = join(root, 'sys/class/block');
  const folder = join(root, 'sys/devices/test/block', disk);
  await mkdir(classes, { recursive: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'size'), `${sizeBytes / 512}\n`);
  await symlink(`../../devices/test/block/${disk}`, join(classes, disk));
  for (const { name, number, sizeBytes: bytes } of partitions) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'partition'), `${number}\n`);
    await writeFile(join(folder, name, 'size'), `${bytes / 512}\n`);
    await symlink(`../../devices/test/block/${disk}/${name}`, join(classes, name));
  }
}

/** `/dev/mapper/root` as sysfs shows it. */
async function makeRootDevice(root: string, partitions: readonly ({ name: string } | undefined)[]): Promise<void> {
  const folder = join(root, 'sys/class/block/dm-0');
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'dm'), { recursive: true });
  await mkdir(join(folder, 'slaves'));
  await writeFile(join(folder, 'dm/name'), 'root\n');
  for (const partition of partitions) {
    if (partition !== undefined) await symlink(`../../${partition.name}`, join(folder, 'slaves', partition.name));
  }
}
