import type { Digest } from '@bowline/host';
import type { Arch } from '@bowline/spec';
import type { DebianSuite } from './debian-tree.ts';

/** Raise it when the way the toolbox is made changes what its tools do. */
export const TOOLBOX_RECIPE = 2;

/** The release that the tools come from, whatever the host runs. */
export const TOOLBOX_SUITE: DebianSuite = 'trixie';

const TOOLS = [
  // strip for the agent of either architecture, on either host
  'binutils-aarch64-linux-gnu',
  'binutils-x86-64-linux-gnu',
  'coreutils',
  'cryptsetup-bin',
  'dosfstools',
  'dpkg',
  'e2fsprogs',
  'gdisk',
  'grub-common',
  'kmod',
  'mtools',
  'qemu-utils',
  'sbsigntool',
  'squashfs-tools',
  'systemd-boot-efi',
  'tar',
  'xorriso',
  'xz-utils',
  'zstd',
];

/** One mmdebstrap run that the toolbox is made of. */
export interface ToolboxPart {
  arch: Arch;
  include: readonly string[];
  /** Only these paths are kept; everything unless given. */
  paths?: readonly string[];
}

/**
 * What a toolbox consists of on a host: its tools, and the boot code of the other architecture, which is data to it
 * (systemd's EFI files have other names there, GRUB's BIOS images exist on amd64 only, so all share their usual place).
 */
export function toolboxParts(hostArch: Arch): ToolboxPart[] {
  const efi = 'usr/lib/systemd/boot/efi';
  if (hostArch === 'amd64') {
    return [
      { arch: 'amd64', include: [...TOOLS, 'grub-pc-bin'] },
      { arch: 'arm64', include: ['systemd-boot-efi'], paths: [efi] },
    ];
  }
  return [
    { arch: 'arm64', include: TOOLS },
    { arch: 'amd64', include: ['systemd-boot-efi', 'grub-pc-bin'], paths: [efi, 'usr/lib/grub/i386-pc'] },
  ];
}

/** A toolbox as it lies in the store: enough to unpack it again without the network. */
export interface ToolboxRecord {
  recipe: number;
  /** sha256 over recipe, names and versions: what makes two toolboxes the same. */
  digest: Digest;
  /** Package name to version; packages of the other architecture as `arch/name`. */
  packages: Record<string, string>;
  /** The tars, in the order of the parts. */
  tars: { digest: Digest; sizeBytes: number; paths?: readonly string[] }[];
}

/** The text whose sha256 identifies a toolbox. */
export function toolboxIdentity(packages: Readonly<Record<string, string>>): string {
  const names = Object.keys(packages).toSorted((a, b) => (a < b ? -1 : 1));
  return `bowline-toolbox ${TOOLBOX_RECIPE}\n${names.map((name) => `${name}=${packages[name]}\n`).join('')}`;
}
