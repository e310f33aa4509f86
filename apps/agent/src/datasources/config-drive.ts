import type { Datasource, SeedData } from './datasource.ts';
import { type ReadFile, readVolume, volumesNamed } from './disc.ts';
import { sourceFailed } from './failure.ts';
import { openstackMetadata } from './openstack.ts';

/** A config drive of OpenStack: a volume with the label config-2. */
export const configDrive: Datasource = {
  name: 'config-drive',
  async fetch(context) {
    for (const volume of await volumesNamed(context, 'config-2')) {
      const found = await readVolume(context, volume, readDrive);
      if (found !== undefined) return found;
    }
    return undefined;
  },
};

async function readDrive(read: ReadFile): Promise<SeedData | undefined> {
  const document = await read('openstack/latest/meta_data.json');
  const userdata = await read('openstack/latest/user_data');
  if (document === undefined && userdata === undefined) return undefined;
  let metadata: unknown;
  try {
    metadata = document === undefined ? undefined : JSON.parse(Buffer.from(document).toString('utf8'));
  } catch {
    throw sourceFailed('meta_data.json of the config drive is no JSON.', 'Make the drive again.');
  }
  const hasNetwork = (await read('openstack/latest/network_data.json')) !== undefined;
  return { userdata, metadata: openstackMetadata(metadata), ignored: hasNetwork ? ['network_data.json'] : [] };
}
