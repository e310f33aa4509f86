import { type RandomRead, readFat, readIso9660, type VolumeRun } from '@bowline/formats';
import { AgentError } from '../error.ts';

/** Files of a disc, read without mounting it. Names are compared without case: FAT and plain ISO 9660 have none. */
export interface VolumeFiles {
  /** Paths, relative, as stored. */
  readonly paths: readonly string[];
  /** Bytes of a file, or undefined when there is none. Throws DATASOURCE_FAILED beyond `maxBytes`. */
  read(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
}

interface StoredFile {
  path: string;
  type: 'file' | 'directory';
  sizeBytes: number;
  runs: readonly VolumeRun[];
}

/**
 * Lists the files of an ISO 9660 disc or a FAT volume.
 *
 * @throws FormatsError when the volume is damaged.
 */
export async function openVolumeFiles(read: RandomRead, type: 'iso9660' | 'vfat'): Promise<VolumeFiles> {
  const { entries } = type === 'iso9660' ? await readIso9660(read) : await readFat(read);
  const files = new Map<string, StoredFile>();
  for (const entry of entries) if (entry.type === 'file') files.set(entry.path.toLowerCase(), entry);
  return {
    paths: [...files.values()].map(({ path }) => path),
    read: (path, maxBytes) => readFile(read, files.get(path.toLowerCase()), maxBytes),
  };
}

async function readFile(
  read: RandomRead,
  file: StoredFile | undefined,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  if (file === undefined) return undefined;
  if (file.sizeBytes > maxBytes) {
    throw new AgentError({
      code: 'DATASOURCE_FAILED',
      message: `${file.path} on the disc has ${file.sizeBytes} bytes; the limit is ${maxBytes}.`,
      hint: 'Put a smaller file on the disc.',
    });
  }
  const bytes = new Uint8Array(file.sizeBytes);
  let at = 0;
  for (const run of file.runs) {
    const part = await read(run.offset, run.length);
    if (part.length < run.length) {
      const message = `${file.path} on the disc is cut off.`;
      throw new AgentError({ code: 'DATASOURCE_FAILED', message, hint: 'Make the disc again.' });
    }
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
