import type { ReleaseInventory } from '@bowline/spec';
import type { RootReader } from '../configure/root-reader.ts';
import { type KernelTree, listInitrdModules } from '../initrd/kernel-modules.ts';
import type { SealedImage } from '../seal/sealed-image.ts';
import { readInstalledPackages } from './package-databases.ts';

/** Where units of an image lie (systemd.unit(5)). */
const UNIT_FOLDERS = ['etc/systemd/system', 'usr/lib/systemd/system', 'lib/systemd/system'];
const UNIT = /^[^/]+\.(automount|mount|path|service|slice|socket|swap|target|timer)$/;

/** What an image holds, for people who want to know what an upgrade changes. */
export async function takeInventory(
  image: SealedImage,
  root: RootReader,
  kernel: KernelTree,
): Promise<ReleaseInventory> {
  const units = new Set<string>();
  for (const folder of UNIT_FOLDERS) {
    for (const { name, type } of root.list(folder)) {
      if (UNIT.test(name) && type !== 'directory') units.add(name);
    }
  }
  return {
    inventoryVersion: 1,
    packages: await readInstalledPackages(root),
    units: [...units].sort(),
    kernelArguments: lastingArguments(image.commandLines.disk),
    initrdModules: await listInitrdModules(kernel),
    ...(image.signer === undefined ? {} : { signer: image.signer }),
  };
}

/** Those kernel arguments that do not differ in every version: what names the root is left out. */
function lastingArguments(commandLine: string): string[] {
  return commandLine.split(' ').filter((word) => word !== '' && !/^(roothash|usrhash|systemd\.verity_\w+)=/.test(word));
}
