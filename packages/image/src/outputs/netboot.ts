import { constants, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { planCpio } from '@bowline/formats';
import { SparseFile } from '@bowline/host';
import { NETBOOT_FILES, SOURCE_EPOCH } from '@bowline/os-layout';
import type { SealedImage } from '../seal/sealed-image.ts';
import { writeExtents } from '../seal/write-extents.ts';
import { artefactStem, type Output } from './output.ts';

/** Kernel, initrd, root and an iPXE script: a machine that boots from these needs no disk. */
export const netbootOutput: Output = {
  kind: 'netboot',
  title: 'Network boot files',
  async write({ image, scratch, signal }) {
    const folder = `${artefactStem(image)}-netboot`;
    const at = (name: string): string => join(scratch, folder, name);
    await mkdir(join(scratch, folder), { recursive: true });
    await copyFile(image.kernel.path, at('vmlinuz'), constants.COPYFILE_FICLONE);
    await copyFile(image.initrd.path, at('initrd.img'), constants.COPYFILE_FICLONE);
    // The root travels as one more initramfs: firmware and iPXE know how to fetch those, the initrd finds it below /bowline.
    await writeRootArchive(at('root.img'), image, signal);
    await writeFile(at('boot.ipxe'), ipxeScript(`${image.name} ${image.version}`, image.commandLines.netboot));
    return ['vmlinuz', 'initrd.img', 'root.img', 'boot.ipxe'].map((name) => `${folder}/${name}`);
  },
};

async function writeRootArchive(path: string, image: SealedImage, signal: AbortSignal): Promise<void> {
  const sources = new Map([
    [NETBOOT_FILES.root, image.squashfs],
    [NETBOOT_FILES.verity, image.verity],
  ] as const);
  const files = [...sources].map(([name, { sizeBytes }]) => ({ path: name, mode: 0o600, sizeBytes }));
  const plan = planCpio(files, { mtimeSeconds: SOURCE_EPOCH });
  const file = await SparseFile.create(path, { hash: false, signal });
  try {
    const paths = new Map([...sources].map(([name, source]) => [name as string, source.path]));
    await writeExtents(file, 0, plan.extents, paths);
    await file.finish(plan.sizeBytes);
  } finally {
    await file.close();
  }
}

/** The iPXE script (https://ipxe.org/scripting); names are relative to where the script came from. */
export function ipxeScript(title: string, commandLine: string): string {
  return [
    '#!ipxe',
    `echo Starting ${title}`,
    `kernel vmlinuz initrd=initrd.img initrd=root.img ${commandLine}`,
    'initrd --name initrd.img initrd.img',
    'initrd --name root.img root.img',
    'boot',
    '',
  ].join('\n');
}
