import { withDevice } from '../disk/device-bytes.ts';
import type { LabelledVolume } from '../disk/labelled-volumes.ts';
import { openVolumeFiles, type VolumeFiles } from '../disk/volume-files.ts';
import { type DatasourceContext, MAX_USERDATA_BYTES, type SeedData } from './datasource.ts';
import { sourceFailed } from './failure.ts';
import { parseNocloudMetadata } from './nocloud-metadata.ts';

/** Reads a small file by its path; undefined when there is none. */
export type ReadFile = (path: string) => Promise<Uint8Array | undefined>;

/** Volumes whose label is this one, in small or large letters, and that can be read without mounting. */
export async function volumesNamed(context: DatasourceContext, label: string): Promise<LabelledVolume[]> {
  const volumes = await context.volumes();
  return volumes.filter(({ fileSystem }) => fileSystem.label.toLowerCase() === label && isReadable(fileSystem.type));
}

function isReadable(type: string): type is 'iso9660' | 'vfat' {
  return type === 'iso9660' || type === 'vfat';
}

/** Opens a volume and reads from it. Throws AgentError DATASOURCE_FAILED when it is damaged. */
export async function readVolume<T>(
  context: DatasourceContext,
  { device, fileSystem }: LabelledVolume,
  use: (read: ReadFile, files: VolumeFiles) => Promise<T>,
): Promise<T> {
  const path = context.machine.locate(device.path);
  const type = fileSystem.type === 'iso9660' ? 'iso9660' : 'vfat';
  const open = await withDevice(
    path,
    async (bytes) => {
      const files = await openVolumeFiles(bytes, type).catch((cause: unknown) => {
        throw sourceFailed(`The disc ${device.path} cannot be read: it is damaged.`, 'Make the disc again.', cause);
      });
      return use((name) => files.read(name, MAX_USERDATA_BYTES), files);
    },
    context.signal,
  );
  return open;
}

/** The files of NoCloud: user-data, meta-data; others are named as ignored. Undefined when neither is there. */
export async function readNocloud(read: ReadFile): Promise<SeedData | undefined> {
  const userdata = await read('user-data');
  const metadata = await read('meta-data');
  if (userdata === undefined && metadata === undefined) return undefined;
  const ignored: string[] = [];
  for (const name of ['network-config', 'vendor-data']) if ((await read(name)) !== undefined) ignored.push(name);
  return { userdata, metadata: await parseNocloudMetadata(metadata, 'meta-data'), ignored };
}
