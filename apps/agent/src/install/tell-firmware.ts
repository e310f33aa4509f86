import { EfiVariables } from '../boot-menu/efi-variables.ts';
import { keepBootVariables } from '../boot-menu/keep-boot-variables.ts';
import type { Machine } from '../machine/machine.ts';
import { sectorOf } from './disk-refusals.ts';
import type { InstallPlan } from './plan.ts';

/**
 * Makes the boot variable of a UEFI machine that leads to the installed disk. Returns sentences about what could not be
 * done: the default path of the disk starts it as well, only later in the firmware's order.
 */
export async function tellFirmware(machine: Machine, { disk, partitions, system }: InstallPlan): Promise<string[]> {
  const variables = new EfiVariables(machine);
  const esp = partitions.find(({ role }) => role === 'esp');
  // A machine that was started by BIOS, or whose firmware has no memory of its own.
  if (!(await variables.areWritable()) || esp?.number === undefined) return [];
  const { startBytes = 0, sizeBytes, partGuid = '' } = esp;
  const sector = sectorOf(disk);
  try {
    await keepBootVariables(variables, {
      arch: system.arch,
      esp: { number: esp.number, startLba: startBytes / sector, sectors: sizeBytes / sector, partGuid },
      // The recovery is made after the first healthy start, and the agent adds its variable then.
      recoveryUki: undefined,
    });
    return [];
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it failed';
    return [`The firmware did not take the boot entry: ${why} It may have to be told to start from ${disk.path}.`];
  }
}
