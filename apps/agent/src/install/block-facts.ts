import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Machine } from '../machine/machine.ts';

const SYS_BLOCK = '/sys/class/block';
const BY_ID = '/dev/disk/by-id';

/** What sysfs and udev say of a disk, besides its size. */
export interface DiskFacts {
  sectorBytes: number;
  model: string;
  serial: string;
  transport: string;
  removable: boolean;
  readOnly: boolean;
  /** The kernel hides it: a path of a disk that has several. */
  hidden: boolean;
}

/** Reads the facts of a disk by its kernel name; what cannot be read is empty. */
export async function readDiskFacts(machine: Machine, name: string): Promise<DiskFacts> {
  const folder = join(machine.locate(SYS_BLOCK), name);
  const read = (path: string) => readFile(join(folder, path), 'utf8').then(clean, () => '');
  const sectorBytes = Number.parseInt(await read('queue/logical_block_size'), 10);
  return {
    sectorBytes: Number.isSafeInteger(sectorBytes) && sectorBytes > 0 ? sectorBytes : 512,
    model: [await read('device/vendor'), (await read('device/model')) || (await read('device/name'))]
      // Virtual disks give numbers as their vendor; SATA disks are all of the vendor "ATA".
      .filter((word) => word !== '' && word !== 'ATA' && !word.startsWith('0x'))
      .join(' '),
    serial: (await read('serial')) || (await read('device/serial')) || (await read('device/wwid')),
    transport: transportOf(name, await realpath(folder).catch(() => '')),
    removable: (await read('removable')) === '1',
    readOnly: (await read('ro')) === '1',
    hidden: (await read('hidden')) === '1',
  };
}

/** How a disk is attached, from its kernel name and its place in the tree of devices. */
function transportOf(name: string, place: string): string {
  if (name.startsWith('nvme')) return 'nvme';
  if (name.startsWith('mmcblk')) return 'mmc';
  if (/\/usb[0-9]+\//.test(place)) return 'usb';
  if (name.startsWith('vd') || place.includes('/virtio')) return 'virtio';
  return /\/ata[0-9]+\//.test(place) ? 'sata' : '';
}

/** Names below /dev/disk/by-id of each kernel name, the one people recognise first. */
export async function readDiskIds(machine: Machine): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const names = await readdir(machine.locate(BY_ID)).catch(() => []);
  // World wide names say nothing to people.
  const rank = (name: string) => (/^(?:wwn-|nvme-eui|nvme-nvme\.|scsi-[0-9])/.test(name) ? 1 : 0);
  for (const name of names.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))) {
    const target = await readlink(machine.locate(join(BY_ID, name))).catch(() => undefined);
    if (target !== undefined && !found.has(basename(target))) found.set(basename(target), join(BY_ID, name));
  }
  return found;
}

/** Kernel names of devices that are in use, each with a sentence part: `is mounted at /mnt`. */
export async function readUses(machine: Machine, names: readonly string[]): Promise<Map<string, string>> {
  const uses = new Map<string, string>();
  const numbers = new Map<string, string>();
  for (const name of names) {
    const folder = join(machine.locate(SYS_BLOCK), name);
    const number = await readFile(join(folder, 'dev'), 'utf8').then(clean, () => '');
    if (number !== '') numbers.set(number, name);
    const holders = await readdir(join(folder, 'holders')).catch(() => []);
    if (holders.length > 0) uses.set(name, `is used by ${holders.join(', ')}`);
  }
  for (const { number, device, mountPoint } of await readMounts(machine)) {
    const name = numbers.get(number) ?? (await deviceName(machine, device));
    if (name !== undefined && names.includes(name)) uses.set(name, `is mounted at ${mountPoint}`);
  }
  const swaps = await readFile(machine.locate('/proc/swaps'), 'utf8').catch(() => '');
  for (const line of swaps.split('\n').slice(1)) {
    const name = await deviceName(machine, line.split(/\s/, 1)[0] ?? '');
    if (name !== undefined && names.includes(name)) uses.set(name, 'is used as swap');
  }
  return uses;
}

/** One line of mountinfo (proc_pid_mountinfo(5)). */
export interface MountFound {
  /** Major and minor of the device: `252:1`. */
  number: string;
  device: string;
  mountPoint: string;
}

/** What is mounted now. */
export async function readMounts(machine: Machine): Promise<MountFound[]> {
  const text = await readFile(machine.locate('/proc/self/mountinfo'), 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ');
    const [, , number, , mountPoint] = left.split(' ');
    const device = right.split(' ')[1];
    if (number === undefined || mountPoint === undefined || device === undefined) return [];
    return [{ number, device: unescape(device), mountPoint: unescape(mountPoint) }];
  });
}

/** Kernel name of a path such as /dev/mapper/x or /dev/vda1. */
export async function deviceName(machine: Machine, path: string): Promise<string | undefined> {
  if (!path.startsWith('/dev/')) return undefined;
  const real = await realpath(machine.locate(path)).catch(() => undefined);
  return real === undefined ? basename(path) : basename(real);
}

function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function clean(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, ' ').trim();
}
