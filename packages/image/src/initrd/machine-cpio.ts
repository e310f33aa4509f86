import { type CpioEntry, writeCpio } from '@bowline/formats';
import { type DefinitionFile, SOURCE_EPOCH } from '@bowline/os-layout';

/** What is different from image to image; everything else of the initrd is shared and cached. */
export interface MachineFiles {
  imageId: string;
  name: string;
  version: string;
  /** What an installer lays out: size of a root slot, and whether the disk gets a recovery pair. */
  slotBytes: number;
  recovery: boolean;
  /** Seconds after which a version on trial is restarted unless it was found healthy. */
  trialSeconds: number;
  /** Partitions the initrd makes on the disk it started from. */
  repartDefinitions: readonly DefinitionFile[];
  /** Text of the bowl's cloud-config, if it has one. */
  cloudConfig: string | undefined;
  /** True for debug images: without this mark `bowline.debug=` on the command line does nothing. */
  debug: boolean;
}

/**
 * The small archive that goes before the shared ones, uncompressed, below `/etc/bowline`. Readable by root only: a
 * cloud-config may hold secrets.
 */
export function machineCpio(files: MachineFiles): Uint8Array<ArrayBuffer> {
  const folder = 'etc/bowline';
  const entries: CpioEntry[] = [
    { type: 'directory', path: folder, mode: 0o700 },
    textFile(`${folder}/image.conf`, imageConfiguration(files)),
    ...files.repartDefinitions.map(({ name, text }) => textFile(`${folder}/repart.d/${name}`, text)),
  ];
  if (files.cloudConfig !== undefined) {
    entries.push(textFile(`${folder}/cloud-config/90-bowl.yaml`, files.cloudConfig));
  }
  if (files.debug) entries.push(textFile(`${folder}/debug`, ''));
  return writeCpio(entries, { mtimeSeconds: SOURCE_EPOCH });
}

/** Assignments for sh. */
function imageConfiguration({ imageId, name, version, slotBytes, recovery, trialSeconds }: MachineFiles): string {
  const disk = `SLOT_BYTES=${slotBytes}\nRECOVERY=${recovery ? 'yes' : 'no'}\n`;
  const image = `IMAGE_ID=${quote(imageId)}\nNAME=${quote(name)}\nVERSION=${quote(version)}\n`;
  return `${image}${disk}TRIAL_SECONDS=${trialSeconds}\n`;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function textFile(path: string, text: string): CpioEntry {
  return { type: 'file', path, mode: 0o600, data: new TextEncoder().encode(text) };
}
