import { readFile } from 'node:fs/promises';
import type { Arch } from '@bowline/spec';
import { ImageError } from '../error.ts';

const QEMU_NAME: Record<Arch, string> = { amd64: 'x86_64', arm64: 'aarch64' };

/** Debian's name of the architecture this process runs on. */
export function hostArch(nodeArch: string = process.arch): Arch | undefined {
  if (nodeArch === 'x64') return 'amd64';
  if (nodeArch === 'arm64') return 'arm64';
  return undefined;
}

/** Reads a file of /proc/sys/fs/binfmt_misc; undefined when it is not there. */
export type BinfmtReader = (name: string) => Promise<string | undefined>;

const readBinfmt: BinfmtReader = async (name) => {
  try {
    return await readFile(`/proc/sys/fs/binfmt_misc/${name}`, 'utf8');
  } catch {
    return undefined;
  }
};

/**
 * Makes sure this machine can execute programs of `arch`: natively, or by qemu-user registered with the F flag
 * (the interpreter is opened at registration, so it works inside any root).
 * Throws ImageError FOREIGN_ARCH, naming what would be executed and the cure.
 */
export async function requireExecutable(
  arch: Arch,
  what: string,
  machine: { arch: Arch | undefined; binfmt: BinfmtReader } = { arch: hostArch(), binfmt: readBinfmt },
): Promise<void> {
  if (machine.arch === arch) return;
  const registration = await machine.binfmt(`qemu-${QEMU_NAME[arch]}`);
  const lines = registration?.split('\n') ?? [];
  const usable = lines[0] === 'enabled' && lines.some((line) => line.startsWith('flags:') && line.includes('F'));
  if (usable) return;
  const reason =
    registration === undefined
      ? `qemu-user is not registered for ${QEMU_NAME[arch]}`
      : lines[0] === 'enabled'
        ? `qemu-user for ${QEMU_NAME[arch]} is registered without the F flag`
        : `qemu-user for ${QEMU_NAME[arch]} is disabled`;
  throw new ImageError({
    code: 'FOREIGN_ARCH',
    message: `${what} executes ${arch} programs, and this ${machine.arch ?? process.arch} machine cannot: ${reason}.`,
    hint: `Install it (on Debian: apt-get install qemu-user-static), build on an ${arch} machine, or use an image: or rootfs: base, which executes nothing.`,
    details: { arch, machine: machine.arch },
  });
}
