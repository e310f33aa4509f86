import type { Arch } from '@bowline/spec';
import { OsLayoutError } from './error.ts';
import { checkRootHash, recoveryUuids } from './root-hash.ts';

/**
 * From what a machine starts and to what end: its own disk, a medium that stays in, the recovery slot of its disk, its own
 * disk with the state emptied first, or the network.
 */
export type BootMode = 'disk' | 'live' | 'recovery' | 'reset' | 'netboot';

/** Names of the loop devices (`losetup --loop-ref`) of a root that lies in files. */
export const LOOP_REF = { root: 'bowline-root', verity: 'bowline-verity' } as const;

/** Where a live medium holds the root and its hash tree; relative to its top. */
export const LIVE_FILES = { root: 'live/root.squashfs', verity: 'live/root.verity' } as const;

/** What the initramfs of a netbooted machine holds. */
export const NETBOOT_FILES = {
  root: 'bowline/root.squashfs',
  verity: 'bowline/root.verity',
  /** Image of an EFI system partition with UKI and boot loaders; only an installation needs it. */
  esp: 'bowline/esp.img',
} as const;

/** What the kernel command line says. */
export interface CommandLineOptions {
  arch: Arch;
  /** 64 hex digits. */
  rootHash: string;
  mode: BootMode;
  /** ISO 9660 volume ID; for mode `live` only. */
  liveLabel?: string;
  /** Terminal of the root shell of a debug image, such as `ttyS1`. */
  debugTerminal?: string;
  /** The user's own arguments; they come last, so a console named here becomes `/dev/console`. */
  extra: readonly string[];
}

/** Consoles: the screen, and the first serial port, which gets the boot messages and the login prompt. */
const CONSOLES: Record<Arch, readonly string[]> = {
  amd64: ['console=tty0', 'console=ttyS0,115200'],
  arm64: ['console=tty0', 'console=ttyAMA0,115200'],
};

/** Terminal on which debug images of an architecture offer their root shell. */
export const DEBUG_TERMINAL: Record<Arch, string> = { amd64: 'ttyS1', arm64: 'hvc0' };

/**
 * The kernel command line of an image. A corrupt block panics at once (waiting for a device that will never come
 * would hide the reason and delay the fall-back), a kernel that hangs panics too, and a panic reboots after 5 s. `gpt`: only with
 * it does Linux read the backup of a partition table whose first copy was torn by a power cut.
 *
 * @throws OsLayoutError `ROOT_HASH_INVALID` | `NAME_INVALID` | `ARGUMENT_INVALID`
 */
export function kernelCommandLine(options: CommandLineOptions): string {
  checkRootHash(options.rootHash);
  const parts = [
    `roothash=${options.rootHash}`,
    'systemd.verity_root_options=panic-on-corruption',
    'rootfstype=squashfs',
    'panic=5',
    'softlockup_panic=1',
    'gpt',
    ...describeMode(options),
    ...CONSOLES[options.arch],
    ...(options.debugTerminal === undefined ? [] : [`bowline.debug=${checkWord(options.debugTerminal)}`]),
    ...options.extra.map(checkArgument),
  ];
  return parts.join(' ');
}

function describeMode(options: CommandLineOptions): string[] {
  if (options.mode === 'disk') return [];
  if (options.mode === 'reset') return ['bowline.reset'];
  if (options.mode === 'recovery') {
    const { data, hash } = recoveryUuids(options.rootHash);
    return [
      `systemd.verity_root_data=PARTUUID=${data}`,
      `systemd.verity_root_hash=PARTUUID=${hash}`,
      'bowline.recovery',
    ];
  }
  const loops = [
    `systemd.verity_root_data=/dev/disk/by-loop-ref/${LOOP_REF.root}`,
    `systemd.verity_root_hash=/dev/disk/by-loop-ref/${LOOP_REF.verity}`,
  ];
  if (options.mode === 'netboot') return [...loops, 'bowline.netboot'];
  return [...loops, `bowline.live=${checkWord(options.liveLabel ?? '')}`];
}

/** A value that goes into device paths and shell scripts of the initrd. */
function checkWord(word: string): string {
  if (/^[A-Za-z0-9_.-]{1,64}$/.test(word)) return word;
  throw new OsLayoutError({
    code: 'NAME_INVALID',
    message: `${JSON.stringify(word.slice(0, 80))} cannot be a name on the kernel command line`,
    hint: 'Use letters, digits and . _ - only.',
  });
}

function checkArgument(argument: string): string {
  if (/^[\x21\x23-\x7e]{1,512}$/.test(argument)) return argument;
  throw new OsLayoutError({
    code: 'ARGUMENT_INVALID',
    message: `${JSON.stringify(argument.slice(0, 80))} cannot be a kernel argument`,
    hint: 'One argument each, printable ASCII, without blanks and quotes.',
  });
}
