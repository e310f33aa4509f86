import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bytePathOf, encodeHeader, type GrubImages, NO_XATTRS, TAR_END, tarPadding } from '@bowline/formats';
import { GRUB_MODULES, GRUB_PREFIX, SOURCE_EPOCH } from '@bowline/os-layout';
import type { Toolbox } from '../toolbox/toolbox.ts';
import type { SealedImage } from './sealed-image.ts';

const TIMEOUT_MS = 120_000;
const GRUB_FOLDER = '/usr/lib/grub/i386-pc';
/** Modules built into the image of an ISO: BIOS disks, the ISO's file system, and a Linux kernel over serial or screen. */
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

/** GRUB for disks: sector 0 and what it loads, not told yet where that lies. */
export const GRUB_DISK_FILES = { boot: 'grub-boot.img', core: 'grub-core.img' } as const;

/** Makes GRUB's images for disks in a folder, with everything its script needs built in. Returns their sizes. */
export async function makeGrubImages(
  toolbox: Toolbox,
  folder: string,
  signal: AbortSignal,
): Promise<Record<keyof GrubImages, { sizeBytes: number }>> {
  const core = join(folder, GRUB_DISK_FILES.core);
  const boot = join(folder, GRUB_DISK_FILES.boot);
  const common = ['grub-mkimage', '-O', 'i386-pc', '-d', GRUB_FOLDER] as const;
  await toolbox.run({
    argv: [...common, '-o', `/w/${GRUB_DISK_FILES.core}`, '-p', GRUB_PREFIX, ...GRUB_MODULES],
    binds: [{ source: folder, target: '/w', writable: true }],
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  await copyFile(join(toolbox.root, GRUB_FOLDER, 'boot.img'), boot);
  return { boot: { sizeBytes: (await readFile(boot)).length }, core: { sizeBytes: (await readFile(core)).length } };
}

/** Reads GRUB's images of an image that has a BIOS to start from. */
export async function readGrubImages(image: Pick<SealedImage, 'grub'>): Promise<GrubImages | undefined> {
  const { grub } = image;
  if (grub === undefined) return undefined;
  return { boot: new Uint8Array(await readFile(grub.boot.path)), core: new Uint8Array(await readFile(grub.core.path)) };
}

/** The same as releases carry it: a tar with `boot.img` and `core.img`. */
export function grubArchive(images: GrubImages): Uint8Array {
  const pieces = (['boot', 'core'] as const).flatMap((name) => {
    const header = encodeHeader({
      path: bytePathOf(`${name}.img`),
      type: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: images[name].length,
      mtime: SOURCE_EPOCH,
      linkname: bytePathOf(''),
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: NO_XATTRS,
    });
    return [header, images[name], new Uint8Array(tarPadding(images[name].length))];
  });
  return Buffer.concat([...pieces, TAR_END]);
}
