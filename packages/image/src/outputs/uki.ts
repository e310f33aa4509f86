import { constants, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { artefactStem, type Output } from './output.ts';

/** The unified kernel image alone (UAPI.5): for firmware, PXE servers or signing elsewhere. */
export const ukiOutput: Output = {
  kind: 'uki',
  title: 'Unified kernel image',
  async write({ image, scratch }) {
    const name = `${artefactStem(image)}.efi`;
    await copyFile(image.uki.path, join(scratch, name), constants.COPYFILE_FICLONE);
    return [name];
  },
};
