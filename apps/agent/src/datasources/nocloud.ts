import { join } from 'node:path';
import type { Datasource } from './datasource.ts';
import { readNocloud, readVolume, volumesNamed } from './disc.ts';
import { readSmallFile } from './small-file.ts';

const FOLDERS = ['/var/lib/cloud/seed/nocloud', '/var/lib/cloud/seed/nocloud-net'];

/** NoCloud: a disc or stick with the label cidata, or else a folder of the machine. */
export const nocloud: Datasource = {
  name: 'nocloud',
  async fetch(context) {
    for (const volume of await volumesNamed(context, 'cidata')) {
      const found = await readVolume(context, volume, (read) => readNocloud(read));
      if (found !== undefined) return found;
    }
    for (const folder of FOLDERS) {
      const found = await readNocloud((name) => readSmallFile(context.machine, join(folder, name)));
      if (found !== undefined) return found;
    }
    return undefined;
  },
};
