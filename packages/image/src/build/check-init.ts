import { ELF_MACHINE, isElf, parseElf } from '@bowline/formats';
import type { BlobStore } from '@bowline/host';
import type { Arch } from '@bowline/spec';
import type { MergedTree } from '../compose/merged-tree.ts';
import { readFileFromTree } from '../compose/read-tree.ts';
import { ImageError } from '../error.ts';

/** Where the initrd looks for an init, in this order. */
const INIT_PATHS = [
  'sbin/init',
  'usr/sbin/init',
  'usr/lib/systemd/systemd',
  'lib/systemd/systemd',
  'etc/init',
  'bin/init',
];
const MACHINE = { amd64: ELF_MACHINE.x86_64, arm64: ELF_MACHINE.aarch64 } as const satisfies Record<Arch, number>;

/**
 * Makes sure that a root can start: it holds an init, made for its architecture.
 *
 * @throws ImageError INIT_MISSING | ARCH_MISMATCH | LAYER_INVALID
 */
export async function checkInit(tree: MergedTree, store: BlobStore, arch: Arch, origin: string): Promise<void> {
  for (const path of INIT_PATHS) {
    const bytes = await readFileFromTree(tree, store, path);
    if (bytes === undefined) continue;
    if (!isElf(bytes)) return; // a script: its interpreter is the base's own matter
    const machine = machineOf(bytes, `/${path} of ${origin}`);
    if (machine === MACHINE[arch]) return;
    const found = Object.entries(ELF_MACHINE).find(([, number]) => number === machine)?.[0] ?? `ELF machine ${machine}`;
    throw new ImageError({
      code: 'ARCH_MISMATCH',
      message: `/${path} of ${origin} is for ${found}, but the image is for ${arch}`,
      hint: `take a base for ${arch}, or name the architecture of this one in \`arch:\``,
    });
  }
  throw new ImageError({
    code: 'INIT_MISSING',
    message: `${origin} has no init: none of ${INIT_PATHS.map((path) => `/${path}`).join(', ')}`,
    hint: 'a container image seldom has one: add the package that brings it (such as systemd-sysv, openrc or busybox) with `packages:`',
  });
}

function machineOf(bytes: Uint8Array, name: string): number {
  try {
    return parseElf(bytes).machine;
  } catch (cause) {
    throw new ImageError({
      code: 'LAYER_INVALID',
      message: `${name} is no whole program: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: 'The base is damaged, or was made from a damaged disk: get it again.',
      cause,
    });
  }
}
