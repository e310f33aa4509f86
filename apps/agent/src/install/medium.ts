import { readdir, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Machine } from '../machine/machine.ts';
import { deviceName, readMounts } from './block-facts.ts';

/** Where the initrd mounts the medium of a live system. */
const MEDIUM_FOLDER = '/run/bowline/medium';

const SYS_BLOCK = '/sys/class/block';

/** How this machine runs: from a medium, from the network, or from its own disk. */
export async function readLiveMode(machine: Machine): Promise<'live' | 'netboot' | 'disk'> {
  const words = (await readFile(machine.locate('/proc/cmdline'), 'utf8').catch(() => '')).trim().split(/\s+/);
  const has = (name: string) => words.some((word) => word === name || word.startsWith(`${name}=`));
  if (has('bowline.netboot')) return 'netboot';
  return has('bowline.live') ? 'live' : 'disk';
}

/** The root hash this machine was started with (`roothash=`), or undefined. */
export async function readStartedRootHash(machine: Machine): Promise<string | undefined> {
  const line = await readFile(machine.locate('/proc/cmdline'), 'utf8').catch(() => '');
  return /(?:^|\s)roothash=([0-9a-f]{64})(?:\s|$)/.exec(line)?.[1];
}

/** Kernel name of the device that the medium was mounted from: `sr0`, or `sda1` of a stick. */
export async function mediumDevice(machine: Machine): Promise<string | undefined> {
  const mount = (await readMounts(machine)).find(({ mountPoint }) => mountPoint === MEDIUM_FOLDER);
  return mount === undefined ? undefined : deviceName(machine, mount.device);
}

/** Kernel names of the disks that the live system runs from. */
export async function mediumDisks(machine: Machine): Promise<Set<string>> {
  const device = await mediumDevice(machine);
  return device === undefined ? new Set() : new Set([await diskOf(machine, device)]);
}

/** Kernel name of the disk that a partition is on; a disk is its own. */
export async function diskOf(machine: Machine, name: string): Promise<string> {
  const folder = join(machine.locate(SYS_BLOCK), name);
  const isPartition = await readFile(join(folder, 'partition'), 'utf8').then(
    () => true,
    () => false,
  );
  return isPartition ? basename(dirname(await realpath(folder))) : name;
}

/** Paths of the devices below `/dev/mapper/root`: on a live system two loop devices, in no order. */
export async function rootDevices(machine: Machine): Promise<string[]> {
  const folder = machine.locate(SYS_BLOCK);
  for (const name of (await readdir(folder).catch(() => [])).filter((one) => one.startsWith('dm-'))) {
    const title = await readFile(join(folder, name, 'dm/name'), 'utf8').catch(() => '');
    if (title.trim() !== 'root') continue;
    return (await readdir(join(folder, name, 'slaves')).catch(() => [])).map((slave) => `/dev/${slave}`);
  }
  return [];
}
