import { readdir, readFile } from 'node:fs/promises';
import { IMAGE_ROOT_FOLDER } from '@bowline/os-layout';
import type { Machine } from '../machine/machine.ts';
import { readInstalledPackages } from './installed-packages.ts';

/** What the machine runs, in the words of a release's inventory. */
export interface RunningInventory {
  packages: Readonly<Record<string, string>>;
  units: readonly string[];
  kernelArguments: readonly string[];
  kernelVersion: string;
}

const UNIT_FOLDERS = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];
const UNIT = /^[^/]+\.(automount|mount|path|service|slice|socket|swap|target|timer)$/;

/** Takes stock of the running image: what its owner added to `/etc` since does not count, where the image itself can be seen. */
export async function takeRunningInventory(machine: Machine): Promise<RunningInventory> {
  const hasImage = (await listFolder(machine.locate(`${IMAGE_ROOT_FOLDER}/usr`))).length > 0;
  const units = new Set<string>();
  for (const folder of UNIT_FOLDERS) {
    for (const name of await listFolder(machine.locate(`${hasImage ? IMAGE_ROOT_FOLDER : ''}${folder}`))) {
      if (UNIT.test(name)) units.add(name);
    }
  }
  const [commandLine, kernel] = await Promise.all(
    ['/proc/cmdline', '/proc/sys/kernel/osrelease'].map((path) =>
      readFile(machine.locate(path), 'utf8').catch(() => ''),
    ),
  );
  return {
    packages: await readInstalledPackages(machine),
    units: [...units],
    kernelArguments: lastingArguments(commandLine ?? ''),
    kernelVersion: (kernel ?? '').trim(),
  };
}

/** Arguments that do not differ in every version, and that no boot loader adds. */
function lastingArguments(commandLine: string): string[] {
  const words = commandLine.trim().split(/\s+/);
  return words.filter(
    (word) => word !== '' && !/^(roothash|usrhash|systemd\.verity_\w+|bowline\.entry|BOOT_IMAGE)=/.test(word),
  );
}

function listFolder(path: string): Promise<string[]> {
  return readdir(path).catch(() => []);
}
