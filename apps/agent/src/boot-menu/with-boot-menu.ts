import { chmod, mkdir, readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { ESP_FOLDER } from '@bowline/os-layout';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { withPidLock } from '../machine/pid-lock.ts';
import { requireRoot } from '../machine/require-root.ts';
import { runProgram } from '../machine/run-program.ts';
import type { BootMenu } from './boot-menu.ts';
import { readBootConf } from './started-as.ts';
import { SystemdBootMenu } from './systemd-boot-menu.ts';

const LOCK_FILE = '/run/bowline/esp.lock';
/**
 * Directory slots are written when a name changes, in that order; a damaged table makes nothing read-only, because then
 * nobody could repair the menu.
 */
const MOUNT_OPTIONS = 'rw,dirsync,nosuid,nodev,noexec,umask=0077,errors=continue';
const UNMOUNT_ATTEMPTS = 5;
const UNMOUNT_PAUSE_MS = 200;

/**
 * Mounts the EFI system partition of the disk this system runs from, hands the boot menu on it to `work`, and unmounts it
 * whatever happens. Others that want it wait meanwhile, so calls cannot be nested. On a machine that is a folder, the ESP
 * is a folder too. Throws AgentError ESP_UNAVAILABLE | NOT_ROOT.
 */
export function withBootMenu<T>(machine: Machine, work: (menu: BootMenu) => Promise<T>): Promise<T> {
  return withEsp(machine, async (esp) => work(await openBootMenu(machine, esp)));
}

/** The menu on a mounted ESP, such as that of a disk that was just installed. */
export async function openBootMenu(machine: Machine, esp: string, firmware?: 'uefi' | 'bios'): Promise<BootMenu> {
  const kind = firmware ?? (await readBootConf(machine)).firmware;
  if (kind === 'uefi') return new SystemdBootMenu(machine, esp);
  const { GrubBootMenu } = await import('./grub-boot-menu.ts');
  return new GrubBootMenu(machine, esp);
}

/** The mounted ESP itself, for the small files beside the menu. Same rules as {@link withBootMenu}. */
export async function withEsp<T>(machine: Machine, work: (folder: string) => Promise<T>): Promise<T> {
  requireRoot(machine, 'may use the EFI system partition');
  const folder = machine.locate(ESP_FOLDER);
  return withPidLock(machine.locate(LOCK_FILE), { signal: machine.signal }, async () => {
    await mkdir(folder, { recursive: true });
    if (machine.root !== '/') return work(folder);
    await chmod(folder, 0o700);
    // One that was killed left it mounted; mounting anew shows what is on the disk.
    if (await isMounted()) await unmount(machine);
    await mount(machine, await findEsp(machine));
    try {
      return await work(folder);
    } finally {
      await unmount(machine);
    }
  });
}

async function findEsp(machine: Machine): Promise<string> {
  const { esp } = await readBootConf(machine);
  if (esp !== '') return esp;
  const { findSystemDisk } = await import('../slots/find-system-disk.ts');
  return (await findSystemDisk(machine)).espDevice;
}

async function mount(machine: Machine, device: string): Promise<void> {
  try {
    await runProgram(machine, 'mount', ['-t', 'vfat', '-o', MOUNT_OPTIONS, device, ESP_FOLDER]);
  } catch (error) {
    throw new AgentError({
      code: 'ESP_UNAVAILABLE',
      message: `The EFI system partition ${device} cannot be mounted: ${error instanceof Error ? error.message : 'failed'}.`,
      hint: 'Look at the kernel log (dmesg) and at the file system: fsck.fat -n.',
    });
  }
}

async function unmount(machine: Machine): Promise<void> {
  // Aborted work must be cleaned up, too.
  const calm = machine.withSignal(new AbortController().signal);
  for (let attempt = 1; ; attempt++) {
    try {
      await runProgram(calm, 'umount', [ESP_FOLDER]);
      return;
    } catch (error) {
      if (attempt === UNMOUNT_ATTEMPTS) throw error;
      await setTimeout(UNMOUNT_PAUSE_MS);
    }
  }
}

async function isMounted(): Promise<boolean> {
  const mounts = await readFile('/proc/self/mounts', 'utf8').catch(() => '');
  return mounts.split('\n').some((line) => line.split(' ')[1] === ESP_FOLDER);
}
