import { bootEntryId, isTrial } from '@bowline/os-layout';
import type { MenuEntry } from './boot-menu.ts';
import { GrubFiles } from './grub-files.ts';

/**
 * Gives GRUB the menu of a machine that starts by UEFI, so that the same disk starts the same versions in one with a BIOS. Does
 * nothing where GRUB is not on the disk. It decides nothing here, so what goes wrong is left as it is.
 */
export async function mirrorToGrub(esp: string, entries: readonly MenuEntry[]): Promise<void> {
  const grub = new GrubFiles(esp);
  try {
    if (!(await grub.exist())) return;
    const described = await Promise.all(entries.map((entry) => grub.describe(entry)));
    const trial = entries.find(isTrial);
    const tries = trial === undefined || trial.tries === 'good' ? undefined : trial.tries.left;
    await grub.writeEnvironment(trial === undefined ? {} : { trial: bootEntryId(trial.generation), tries });
    await grub.write(described);
  } catch {
    // The next change tries again.
  }
}
