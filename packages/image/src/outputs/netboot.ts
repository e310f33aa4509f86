import { constants, copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { planCpio } from '@bowline/formats';
import { SparseFile } from '@bowline/host';
import { NETBOOT_FILES, SOURCE_EPOCH } from '@bowline/os-layout';
import { writeEspImage } from '../seal/esp.ts';
import type { SizedFile } from '../seal/sealed-image.ts';
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
    const parts = { [NETBOOT_FILES.root]: image.squashfs, [NETBOOT_FILES.verity]: image.verity };
    await writeArchive(at('root.img'), parts, signal);
    // What only an installation needs, apart: who runs machines without disks leaves its line out of the script.
    const esp = join(scratch, 'netboot-esp.img');
    await writeEspImage(esp, image, 'live', signal);
    await writeArchive(
      at('install.img'),
      { [NETBOOT_FILES.esp]: { path: esp, sizeBytes: (await stat(esp)).size } },
      signal,
    );
    await rm(esp);
    await writeFile(at('boot.ipxe'), ipxeScript(`${image.name} ${image.version}`, image.commandLines.netboot));
    return ['vmlinuz', 'initrd.img', 'root.img', 'install.img', 'boot.ipxe'].map((name) => `${folder}/${name}`);
  },
};

async function writeArchive(
  path: string,
  sources: Readonly<Record<string, SizedFile>>,
  signal: AbortSignal,
): Promise<void> {
  const files = Object.entries(sources).map(([name, { sizeBytes }]) => ({ path: name, mode: 0o600, sizeBytes }));
  const plan = planCpio(files, { mtimeSeconds: SOURCE_EPOCH });
  const file = await SparseFile.create(path, { hash: false, signal });
  try {
    const paths = new Map(Object.entries(sources).map(([name, source]) => [name, source.path]));
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
    `kernel vmlinuz initrd=initrd.img initrd=root.img initrd=install.img ${commandLine}`,
    'initrd --name initrd.img initrd.img',
    'initrd --name root.img root.img',
    'initrd --name install.img install.img',
    'boot',
    '',
  ].join('\n');
}
