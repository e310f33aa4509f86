import { TYPE_GUID } from '@bowline/os-layout';
import type { Machine } from '../machine/machine.ts';
import { findSystemDisk } from '../slots/find-system-disk.ts';
import { readDiskTable } from '../slots/read-slots.ts';
import { warningLine } from '../stages/journal.ts';
import { type BootMenu, findEntry } from './boot-menu.ts';
import { EfiVariables } from './efi-variables.ts';
import { keepBootVariables } from './keep-boot-variables.ts';
import { readBootConf } from './started-as.ts';
import { withBootMenu } from './with-boot-menu.ts';

/**
 * Keeps the firmware's boot variables as they should be for the disk this system runs from; see {@link keepBootVariables}.
 * Does nothing on machines without UEFI, and where nobody can write its variables. Returns the names of those it wrote.
 *
 * @throws AgentError NO_SYSTEM_DISK | WRITE_FAILED
 */
export async function informFirmware(machine: Machine, menu: BootMenu): Promise<string[]> {
  if (menu.firmware !== 'uefi') return [];
  const { arch } = await machine.facts();
  if (arch !== 'amd64' && arch !== 'arm64') return [];
  const variables = new EfiVariables(machine);
  // Firmware without a memory of its own, or a kernel that keeps it read-only.
  if (!(await variables.areWritable())) return [];
  const disk = await findSystemDisk(machine);
  const { partitions } = await readDiskTable(disk.device, disk.sectorBytes, disk.path);
  const esp = partitions.find(({ typeGuid }) => typeGuid === TYPE_GUID.esp);
  if (esp === undefined) return [];
  const sectors = Math.floor(esp.sizeBytes / disk.sectorBytes);
  return keepBootVariables(variables, {
    arch,
    esp: { number: esp.number, startLba: esp.startLba, sectors, partGuid: esp.partGuid },
    recoveryUki: findEntry(await menu.list(), 'recovery')?.ukiDigest,
  });
}

/** What every start of an installed system does about the firmware: nothing that goes wrong there stops anybody. */
export async function keepFirmwareInformed(machine: Machine, say: (line: string) => void): Promise<void> {
  const { firmware, mode } = await readBootConf(machine);
  if (firmware !== 'uefi' || (mode !== 'disk' && mode !== 'reset')) return;
  try {
    const written = await withBootMenu(machine, (menu) => informFirmware(machine, menu));
    if (written.length > 0) say(`the firmware was told again how this system starts: ${written.join(', ')}`);
  } catch (error) {
    say(warningLine(`the firmware's boot variables: ${error instanceof Error ? error.message : 'cannot be written'}`));
  }
}
