import { constants, copyFile, mkdir, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Arch } from '@bowline/spec';
import { CliError } from '../error.ts';
import type { Firmware } from './plan.ts';

interface FirmwareFiles {
  code: string;
  variables: string;
}

/** Where Debian and its relatives install UEFI for virtual machines (packages ovmf and qemu-efi-aarch64), best first. */
export function firmwareCandidates(arch: Arch, secureBoot: boolean): FirmwareFiles[] {
  if (arch === 'amd64') {
    const folder = '/usr/share/OVMF';
    const code = secureBoot ? `${folder}/OVMF_CODE_4M.secboot.fd` : `${folder}/OVMF_CODE_4M.fd`;
    // Variables without any key: the machine enrols those of the image (setup mode).
    return [{ code, variables: `${folder}/OVMF_VARS_4M.fd` }];
  }
  const folder = '/usr/share/AAVMF';
  const variables = `${folder}/AAVMF_VARS.fd`;
  if (secureBoot) return [{ code: `${folder}/AAVMF_CODE.secboot.fd`, variables }];
  return [
    { code: `${folder}/AAVMF_CODE.no-secboot.fd`, variables },
    { code: `${folder}/AAVMF_CODE.fd`, variables },
  ];
}

/**
 * Finds the host's UEFI firmware, and copies its empty variable store to `variablesPath` unless one is there already.
 * Throws CliError FIRMWARE_MISSING.
 */
export async function prepareUefi(arch: Arch, secureBoot: boolean, variablesPath: string): Promise<Firmware> {
  const found = await findFirst(firmwareCandidates(arch, secureBoot));
  if (found === undefined) {
    const names = firmwareCandidates(arch, secureBoot).map((files) => files.code);
    throw new CliError({
      code: 'FIRMWARE_MISSING',
      message: `no UEFI firmware for ${arch}${secureBoot ? ' with Secure Boot' : ''}: ${names.join(', ')} not found`,
      hint: `Install the package ${arch === 'amd64' ? 'ovmf' : 'qemu-efi-aarch64'}.`,
    });
  }
  if (!(await isFile(variablesPath))) {
    await mkdir(dirname(variablesPath), { recursive: true });
    const temporary = `${variablesPath}.tmp`;
    await copyFile(found.variables, temporary, constants.COPYFILE_FICLONE);
    await rename(temporary, variablesPath);
  }
  return { kind: 'uefi', codePath: found.code, variablesPath, secureBoot };
}

async function findFirst(all: readonly FirmwareFiles[]): Promise<FirmwareFiles | undefined> {
  for (const files of all) {
    if ((await isFile(files.code)) && (await isFile(files.variables))) return files;
  }
  return undefined;
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (info) => info.isFile(),
    () => false,
  );
}
