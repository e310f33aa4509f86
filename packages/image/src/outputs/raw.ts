import { link } from 'node:fs/promises';
import { join } from 'node:path';
import { artefactStem, type Output } from './output.ts';

/** A sparse disk image: written to a medium as it is, it boots. */
export const rawOutput: Output = {
  kind: 'raw',
  title: 'Disk image',
  async write({ image, scratch, disk }) {
    const name = `${artefactStem(image)}.raw`;
    const made = await disk();
    await link(made.path, join(scratch, name));
    return [{ ...made, path: name }];
  },
};
