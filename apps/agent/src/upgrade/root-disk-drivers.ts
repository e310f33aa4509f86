import { readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Machine } from '../machine/machine.ts';

/** A driver between the machine and its disk. */
export interface DiskDriver {
  driver: string;
  /** Kernel module it is from; undefined: it is built into the running kernel, under a name of the driver's choice. */
  module: string | undefined;
}

/** Whether a kernel could reach the disk. */
export interface DriverVerdict {
  present: string[];
  /** Modules this disk needs and the new version's initrd does not have. */
  missing: string[];
  /** Drivers built into the running kernel, of which the new version does not say whether it has them. */
  unknown: string[];
}

/** Modules of drivers that are called otherwise. */
const MODULE_OF_DRIVER: Readonly<Record<string, string>> = {
  sd: 'sd_mod',
  sr: 'sr_mod',
  'usb-storage': 'usb_storage',
  mmcblk: 'mmc_block',
};
/** Bridges and roots of buses, which every kernel has built in. */
const BUSES = /^(pcieport|pci|acpi|usb|hub|pci-host-generic|pci_root)$/;

/** Drivers of a disk (`vda`) and of all devices above it, as sysfs knows them. */
export async function findDiskDrivers(machine: Machine, disk: string): Promise<DiskDriver[]> {
  const top = machine.locate('/sys/devices');
  const drivers: DiskDriver[] = [];
  let folder = await realpath(join(machine.locate('/sys/class/block'), disk)).catch(() => '');
  const root = await realpath(top).catch(() => top);
  for (; folder.startsWith(`${root}/`); folder = dirname(folder)) {
    const driver = await linkName(join(folder, 'driver'));
    if (driver === undefined || BUSES.test(driver)) continue;
    drivers.push({ driver, module: await linkName(join(folder, 'driver/module')) });
  }
  return drivers;
}

/** Compares the drivers of the disk with the modules of an initrd, those built into its kernel included. */
export function judgeDrivers(drivers: readonly DiskDriver[], modules: readonly string[]): DriverVerdict {
  const known = new Set(modules.map(normalize));
  const verdict: DriverVerdict = { present: [], missing: [], unknown: [] };
  for (const { driver, module } of drivers) {
    const name = normalize(module ?? MODULE_OF_DRIVER[driver] ?? driver);
    const list = known.has(name) ? verdict.present : module === undefined ? verdict.unknown : verdict.missing;
    if (!list.includes(name)) list.push(name);
  }
  return verdict;
}

/** The kernel takes dashes and underscores of module names for the same. */
function normalize(name: string): string {
  return name.replaceAll('-', '_');
}

function linkName(path: string): Promise<string | undefined> {
  return readlink(path).then(
    (target) => basename(target),
    () => undefined,
  );
}
