import type { SectorBytes } from '@bowline/formats';
import { AgentError } from '../error.ts';
import { diskTitle } from './choose-disk.ts';
import type { InstallDisk } from './plan.ts';

/** The disk's sectors, which are 512 or 4096 bytes when {@link refuseUnusable} let it through. */
export function sectorOf({ sectorBytes }: Pick<InstallDisk, 'sectorBytes'>): SectorBytes {
  return sectorBytes === 4096 ? 4096 : 512;
}

/** What no `force` helps against. Throws AgentError DISK_INVALID and DISK_IN_USE. */
export function refuseUnusable(disk: InstallDisk): void {
  const refuse = (code: 'DISK_INVALID' | 'DISK_IN_USE', why: string, hint: string): never => {
    throw new AgentError({ code, message: `install: ${diskTitle(disk)} ${why}.`, hint });
  };
  if (disk.isMedium) refuse('DISK_INVALID', 'is the medium this machine was started from', 'Name another disk.');
  if (disk.readOnly) refuse('DISK_INVALID', 'is write-protected', 'Take the protection off, or name another disk.');
  if (disk.sectorBytes !== 512 && disk.sectorBytes !== 4096) {
    refuse(
      'DISK_INVALID',
      `has sectors of ${disk.sectorBytes} bytes; 512 and 4096 are supported`,
      'Name another disk.',
    );
  }
  if (disk.busy !== undefined)
    refuse('DISK_IN_USE', `is in use: ${disk.busy}`, 'Unmount it first, or name another disk.');
}

/** A disk that is not empty. Throws AgentError DISK_IN_USE unless `force`. */
export function refuseContent(disk: InstallDisk, force: boolean): void {
  if (force || disk.content.length === 0) return;
  const has = disk.installation ?? 'data';
  throw new AgentError({
    code: 'DISK_IN_USE',
    message: `install: ${diskTitle(disk)} holds ${has}: ${disk.content.join('; ')}.`,
    hint:
      disk.installation === undefined
        ? 'All of it would be erased: --force, or install.force of the configuration, does that.'
        : 'Take the medium out to start what is installed; --force, or install.force, erases it and installs anew.',
  });
}
