import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Toolbox } from '../toolbox/toolbox.ts';

const TIMEOUT_MS = 120_000;
const GRUB_FOLDER = '/usr/lib/grub/i386-pc';
/** Modules built into the image: BIOS disks, the ISO's file system, and a Linux kernel over serial or screen. */
const MODULES = [
  'biosdisk',
  'iso9660',
  'part_gpt',
  'part_msdos',
  'search',
  'search_label',
  'normal',
  'linux',
  'serial',
  'terminal',
  'configfile',
  'echo',
  'sleep',
  'test',
];

/** MBR code that lets the same ISO start from a USB stick in BIOS mode (grub-mkrescue's boot_hybrid.img). */
export const GRUB_HYBRID_MBR = `${GRUB_FOLDER}/boot_hybrid.img`;

/** The configuration GRUB reads from the medium: one entry, started at once; both consoles show it. */
export function grubConfiguration(title: string, commandLine: string): string {
  return [
    'serial --unit=0 --speed=115200',
    'terminal_input console serial',
    'terminal_output console serial',
    'set timeout=0',
    `menuentry "${title}" {`,
    `  linux /boot/vmlinuz ${commandLine}`,
    '  initrd /boot/initrd.img',
    '}',
    '',
  ].join('\n');
}

/** Makes the El Torito image that BIOS starts from a CD (GNU GRUB manual, grub-mkimage). `folder` gets `eltorito.img`. */
export async function makeElToritoImage(
  toolbox: Toolbox,
  folder: string,
  volumeLabel: string,
  signal: AbortSignal,
): Promise<void> {
  await writeFile(
    join(folder, 'load.cfg'),
    `search --no-floppy --set=root --label ${volumeLabel}\nset prefix=($root)/boot/grub\n`,
  );
  await toolbox.run({
    argv: [
      'grub-mkimage',
      '-O',
      'i386-pc-eltorito',
      '-d',
      GRUB_FOLDER,
      '-o',
      '/w/eltorito.img',
      '-c',
      '/w/load.cfg',
      '-p',
      '/boot/grub',
      ...MODULES,
    ],
    binds: [{ source: folder, target: '/w', writable: true }],
    timeoutMs: TIMEOUT_MS,
    signal,
  });
}
