import { constants, copyFile, link, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Arch } from '@bowline/spec';

/** Makes a folder that looks like an EFI system partition with one UKI in the place firmware looks at by itself. */
export async function linkAsBootFile(ukiPath: string, arch: Arch, folder: string): Promise<string> {
  const target = join(folder, 'EFI', 'BOOT', arch === 'amd64' ? 'BOOTX64.EFI' : 'BOOTAA64.EFI');
  await mkdir(join(folder, 'EFI', 'BOOT'), { recursive: true });
  await rm(target, { force: true });
  await link(ukiPath, target).catch(() => copyFile(ukiPath, target, constants.COPYFILE_FICLONE));
  return folder;
}
