import type { Datasource, SeedData } from './datasource.ts';
import { type ReadFile, readNocloud, readVolume, volumesNamed } from './disc.ts';

const OTHER_NAMES = ['userdata', 'userdata.yaml', 'config', 'config.yaml'];

/** A disc with the label cidata, or any ISO 9660 disc with a file user-data, userdata or config at its top. */
export const cdrom: Datasource = {
  name: 'cdrom',
  async fetch(context) {
    const named = await volumesNamed(context, 'cidata');
    const discs = (await context.volumes()).filter(({ fileSystem }) => fileSystem.type === 'iso9660');
    for (const volume of new Set([...named, ...discs])) {
      const found = await readVolume(context, volume, readDisc);
      if (found !== undefined) return found;
    }
    return undefined;
  },
};

async function readDisc(read: ReadFile): Promise<SeedData | undefined> {
  const seed = await readNocloud(read);
  if (seed !== undefined) return seed;
  for (const name of OTHER_NAMES) {
    const userdata = await read(name);
    if (userdata !== undefined) return { userdata, metadata: { sshKeys: [] } };
  }
  return undefined;
}
