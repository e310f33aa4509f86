import { stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { STATE_BINDS, STATE_FOLDER, STATE_OVERLAYS } from '@bowline/os-layout';
import { stringify } from 'yaml';
import type { Machine } from '../machine/machine.ts';
import type { ConfigurationText, InstallReport, InstallWish } from './wish.ts';

const KEPT = `${STATE_FOLDER}/bind`;
const DROPPED = '/run/bowline/ephemeral';
/** Folders that live on state anyway. */
const LIVES_ON: readonly string[] = [...STATE_BINDS, ...STATE_OVERLAYS];
/** Folders whose content the kernel or every start makes; nothing may be mounted over them as a whole. */
const NEVER = ['/', '/proc', '/sys', '/dev', '/run', '/tmp', '/usr', '/etc', '/boot', '/efi', '/var', '/oem'];

/**
 * `bind_mounts` and `ephemeral_mounts` as a configuration of the installed system: steps of the stage rootfs, so that the
 * folders are there before its init. Kairos writes such a file too. Folders that behave so anyway need none; those that
 * cannot are reported.
 */
export async function mountConfiguration(
  machine: Machine,
  { keptFolders, droppedFolders, source }: Pick<InstallWish, 'keptFolders' | 'droppedFolders' | 'source'>,
): Promise<{ configurations: ConfigurationText[]; reports: InstallReport[] }> {
  const reports: InstallReport[] = [];
  const steps: { name: string; commands: string[] }[] = [];
  const isThere = async (path: string) =>
    // Another image may have what this one has not.
    source !== undefined || (await stat(machine.locate(path)).catch(() => undefined))?.isDirectory() === true;
  const add = async (key: string, folders: readonly string[], commands: (path: string) => string[] | undefined) => {
    for (const given of folders) {
      const path = posix.normalize(given).replace(/(?<=.)\/$/, '');
      const why = await refusal(path, isThere);
      if (why !== undefined) {
        reports.push({ key: `install.${key}`, message: `${JSON.stringify(given.slice(0, 80))} ${why}`, fatal: false });
        continue;
      }
      const found = commands(path);
      if (found !== undefined) steps.push({ name: `${key}: ${path}`, commands: found });
    }
  };
  await add('bind_mounts', keptFolders, (path) => (isBelow(path, LIVES_ON) ? undefined : keep(path)));
  await add('ephemeral_mounts', droppedFolders, (path) => (isBelow(path, ['etc']) ? undefined : drop(path)));
  if (steps.length === 0) return { configurations: [], reports };
  const text = `#cloud-config\n${stringify({ name: 'Mounts of the installation', stages: { rootfs: steps } })}`;
  return {
    configurations: [{ origin: 'install.bind_mounts, install.ephemeral_mounts', name: '10_mounts.yaml', text }],
    reports,
  };
}

async function refusal(path: string, isThere: (path: string) => Promise<boolean>): Promise<string | undefined> {
  // It goes into a command line of the installed system.
  if (!/^\/[A-Za-z0-9_./@:+-]+$/.test(path) || path.split('/').includes('..')) return 'is no plain absolute path';
  if (NEVER.includes(path) || /^\/(?:proc|sys|dev|run)\//.test(path)) return 'belongs to the system';
  return (await isThere(path)) ? undefined : 'is not in the image: list it in files: of the bowl';
}

function isBelow(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path === `/${folder}` || path.startsWith(`/${folder}/`));
}

/** The folder of the image is the first content; later the state's own is what counts. */
function keep(path: string): string[] {
  const own = `${KEPT}${path}`;
  return [
    `[ -e ${own} ] || { mkdir -p ${posix.dirname(own)} && cp -a ${path} ${own}.new && sync && mv ${own}.new ${own}; }`,
    `mount --bind ${own} ${path}`,
  ];
}

function drop(path: string): string[] {
  const own = `${DROPPED}${path}`;
  return [
    `mkdir -p ${own}/upper ${own}/work`,
    `mount -t overlay -o lowerdir=${path},upperdir=${own}/upper,workdir=${own}/work overlay ${path}`,
  ];
}
