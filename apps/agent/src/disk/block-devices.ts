import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Machine } from '../machine/machine.ts';

/** A disk or partition as sysfs lists it. */
export interface BlockDevice {
  /** Kernel name: `vda`, `vda2`, `sr0`. */
  name: string;
  /** Path on the machine: `/dev/vda`. */
  path: string;
  sizeBytes: number;
  /** Kernel name of the disk this is a partition of; undefined for a disk. */
  disk: string | undefined;
  /** Number of the partition; undefined for a disk. */
  number: number | undefined;
}

const SYS_BLOCK = '/sys/class/block';
const SECTOR = 512;
const MAX_DEVICES = 1024;
/** Devices that never hold anything of the machine's owner, and floppy drives, which take seconds to say that they are empty. */
const IGNORED = /^(?:ram|zram|nbd|fd)[0-9]/;

/** All block devices with a size, by name; empty where there is no sysfs. */
export async function listBlockDevices(machine: Machine): Promise<BlockDevice[]> {
  const names = await readdir(machine.locate(SYS_BLOCK)).catch(() => []);
  const devices: BlockDevice[] = [];
  for (const name of names.toSorted((a, b) => (a < b ? -1 : 1)).slice(0, MAX_DEVICES)) {
    const device = IGNORED.test(name) ? undefined : await readDevice(machine, name);
    if (device !== undefined && device.sizeBytes > 0) devices.push(device);
  }
  return devices;
}

/** The device of a path such as `/dev/vda` or `/dev/disk/by-id/...`; undefined when sysfs does not know it. */
export async function findBlockDevice(machine: Machine, path: string): Promise<BlockDevice | undefined> {
  const real = await realpath(machine.locate(path)).catch(() => undefined);
  if (real === undefined) return undefined;
  return readDevice(machine, basename(real));
}

async function readDevice(machine: Machine, name: string): Promise<BlockDevice | undefined> {
  // The kernel writes "/" of a name as "!" in sysfs: cciss!c0d0.
  const folder = join(machine.locate(SYS_BLOCK), name);
  const sectors = Number.parseInt(await readText(join(folder, 'size')), 10);
  if (!Number.isSafeInteger(sectors) || sectors < 0) return undefined;
  const number = Number.parseInt(await readText(join(folder, 'partition')), 10);
  const isPartition = Number.isSafeInteger(number) && number > 0;
  const disk = isPartition ? basename(dirname(await realpath(folder))) : undefined;
  const path = `/dev/${name.replaceAll('!', '/')}`;
  return { name, path, sizeBytes: sectors * SECTOR, disk, number: isPartition ? number : undefined };
}

async function readText(path: string): Promise<string> {
  return (await stat(path).catch(() => undefined))?.isFile() ? await readFile(path, 'utf8').catch(() => '') : '';
}
