import type { SectorBytes } from '@bowline/formats';
import { type BlockDevice, listBlockDevices } from '../disk/block-devices.ts';
import { withDevice } from '../disk/device-bytes.ts';
import type { Machine } from '../machine/machine.ts';
import { type DiskFacts, readDiskFacts, readDiskIds, readUses } from './block-facts.ts';
import { readDiskContent } from './disk-content.ts';
import { mediumDisks } from './medium.ts';
import type { InstallDisk } from './plan.ts';

/** Devices that are disks to the kernel, and nothing that a system is installed on. */
const NO_TARGETS = /^(?:loop|dm-|md|sr|mtdblock)[0-9]|^mmcblk[0-9]+(?:boot[0-9]+|rpmb)$/;

/** Every disk of the machine, the largest first; the medium too, marked as such. Nothing is written. */
export async function listDisks(machine: Machine): Promise<InstallDisk[]> {
  const devices = await listBlockDevices(machine);
  const [ids, medium] = [await readDiskIds(machine), await mediumDisks(machine)];
  const uses = await readUses(
    machine,
    devices.map(({ name }) => name),
  );
  const disks: InstallDisk[] = [];
  for (const device of devices) {
    if (device.disk !== undefined || NO_TARGETS.test(device.name)) continue;
    const facts = await readDiskFacts(machine, device.name);
    if (facts.hidden) continue;
    const own = devices.filter(({ name, disk }) => name === device.name || disk === device.name);
    const used = own.find(({ name }) => uses.has(name));
    const isMedium = medium.has(device.name);
    disks.push({
      path: device.path,
      id: ids.get(device.name),
      sizeBytes: device.sizeBytes,
      sectorBytes: facts.sectorBytes,
      model: facts.model,
      serial: facts.serial,
      transport: facts.transport,
      removable: facts.removable,
      readOnly: facts.readOnly,
      isMedium,
      busy: used === undefined ? undefined : `${used.path} ${uses.get(used.name) ?? 'is in use'}`,
      ...(isMedium ? { content: ['this medium'], installation: undefined } : await look(machine, device, facts)),
    });
  }
  return disks.toSorted((a, b) => b.sizeBytes - a.sizeBytes || (a.path < b.path ? -1 : 1));
}

async function look(
  machine: Machine,
  { path, sizeBytes }: BlockDevice,
  { sectorBytes }: DiskFacts,
): Promise<Pick<InstallDisk, 'content' | 'installation'>> {
  const sector: SectorBytes = sectorBytes === 4096 ? 4096 : 512;
  try {
    const { lines, installation } = await withDevice(machine.locate(path), (read) =>
      readDiskContent(read, sizeBytes, sector),
    );
    return { content: lines, installation };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'an error';
    return { content: [`unreadable content (${code})`], installation: undefined };
  }
}
