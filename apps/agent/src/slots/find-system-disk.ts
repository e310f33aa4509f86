import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { GptPartitionFound } from '@bowline/formats';
import { findBlockDevice } from '../disk/block-devices.ts';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { readDiskTable, readSlots } from './read-slots.ts';
import { findRunningRoot } from './running-root.ts';
import { type Region, SLOT_LABELS, type SystemDisk } from './slots.ts';

const SYS_BLOCK = '/sys/class/block';

/**
 * The disk this machine runs from, found by what lies below its root. Throws AgentError NO_SYSTEM_DISK where the root is on
 * no partition (a live medium, a container), and for a disk whose table or sectors are of another kind.
 */
export async function findSystemDisk(machine: Machine): Promise<SystemDisk> {
  const root = await findRunningRoot(machine);
  if (root === undefined) {
    throw new AgentError({
      code: 'NO_SYSTEM_DISK',
      message: 'This machine does not run from an installed disk.',
      hint: 'On a live medium, install it first: bowline-agent install.',
    });
  }
  return readSystemDisk(machine, `/dev/${root.disk.replaceAll('!', '/')}`, root.partitions);
}

/**
 * A disk with a system on it, which need not be the one that runs: a block device, or a file that holds the image of one.
 * `runningPartitions` are kernel names. Throws AgentError NO_SYSTEM_DISK.
 */
export async function readSystemDisk(
  machine: Machine,
  path: string,
  runningPartitions: readonly string[] = [],
): Promise<SystemDisk> {
  const { device, sectorBytes } = await openDisk(machine, path);
  const table = await readDiskTable(device, sectorBytes, path);
  const found = await readSlots(table, path, (partition) =>
    regionOf(machine, { path, device, sectorBytes }, partition),
  );
  const numbers = await Promise.all(runningPartitions.map((name) => numberOf(machine, name)));
  return {
    device,
    path,
    sectorBytes,
    slots: found.slots,
    running: found.slots.find((slot) => numbers.includes(slot.numbers.data))?.name,
    espDevice: partitionPath(path, found.espNumber),
    esp: found.esp,
  };
}

/** Path of a partition: `/dev/nvme0n1p3`, but `/dev/vda3`. */
export function partitionPath(disk: string, number: number): string {
  return `${disk}${/[0-9]$/.test(disk) ? 'p' : ''}${number}`;
}

type OpenedDisk = Pick<SystemDisk, 'device' | 'sectorBytes'>;

async function openDisk(machine: Machine, path: string): Promise<OpenedDisk> {
  const file = machine.locate(path);
  const stats = await stat(file).catch(() => undefined);
  if (stats?.isFile()) {
    return { device: { path: file, offsetBytes: 0, sizeBytes: stats.size - (stats.size % 512) }, sectorBytes: 512 };
  }
  const found = stats?.isBlockDevice() ? await findBlockDevice(machine, path) : undefined;
  if (found === undefined) throw noDisk(`${path} is no disk the kernel knows`);
  const limits = join(machine.locate(SYS_BLOCK), found.name, 'queue/logical_block_size');
  const sectorBytes = Number.parseInt(await readFile(limits, 'utf8').catch(() => '512'), 10);
  if (sectorBytes !== 512 && sectorBytes !== 4096) {
    throw noDisk(`${path} has sectors of ${sectorBytes} bytes, which is not supported`);
  }
  return { device: { path: file, offsetBytes: 0, sizeBytes: found.sizeBytes }, sectorBytes };
}

/** The device of the partition; a part of the disk where there is none, as with images in files. */
async function regionOf(
  machine: Machine,
  { path, device, sectorBytes }: OpenedDisk & { path: string },
  { number, startLba, sizeBytes }: GptPartitionFound,
): Promise<Region> {
  const own = machine.locate(partitionPath(path, number));
  if ((await stat(own).catch(() => undefined))?.isBlockDevice()) return { path: own, offsetBytes: 0, sizeBytes };
  return { path: device.path, offsetBytes: device.offsetBytes + startLba * sectorBytes, sizeBytes };
}

async function numberOf(machine: Machine, name: string): Promise<number> {
  return Number.parseInt(
    await readFile(join(machine.locate(SYS_BLOCK), name, 'partition'), 'utf8').catch(() => ''),
    10,
  );
}

function noDisk(why: string): AgentError {
  return new AgentError({
    code: 'NO_SYSTEM_DISK',
    message: `${why}.`,
    hint: `Look at the disks with lsblk; one of this system has partitions ${SLOT_LABELS.a.data} and esp.`,
  });
}
