import { createHash } from 'node:crypto';
import { type FatFile, planFat32, readFat32, type SectorBytes } from '@bowline/formats';
import { SOURCE_EPOCH } from '@bowline/os-layout';
import { withDevice } from '../disk/device-bytes.ts';
import type { BlockWriter } from '../slots/block-writer.ts';
import type { BootFile } from './boot-files.ts';
import { writeFailed } from './install-error.ts';
import { streamRuns } from './stream-runs.ts';

const LABEL = 'BOWLINE';
const ZERO_BYTES = 2 ** 20;

/** The EFI system partition on a disk. */
export interface VolumePlace {
  offsetBytes: number;
  sizeBytes: number;
  sectorBytes: SectorBytes;
}

/** Bytes as they pass by. */
export interface ByteWatch {
  onBytes: (count: number) => void;
  signal: AbortSignal;
}

/**
 * Writes a FAT32 volume; what lay between the files is zeroed. Returns the digests of the files as they came.
 *
 * @throws AgentError WRITE_FAILED when a file is not what its source promised; what writing throws.
 */
export async function writeVolume(
  writer: BlockWriter,
  place: VolumePlace,
  files: ReadonlyMap<string, BootFile>,
  volumeId: number,
  watch: ByteWatch,
): Promise<Map<string, string>> {
  const sizes = [...files].map(([path, file]): FatFile => {
    return { path, sizeBytes: file instanceof Uint8Array ? file.length : file.sizeBytes };
  });
  const { extents, clusterSizeBytes } = planFat32({
    files: sizes,
    volumeSizeBytes: place.sizeBytes,
    sectorBytes: place.sectorBytes,
    volumeId,
    label: LABEL,
    epochSeconds: SOURCE_EPOCH,
    hiddenSectors: place.offsetBytes / place.sectorBytes,
  });
  const digests = new Map<string, string>();
  let end = 0;
  for (const extent of extents) {
    await writeZeros(writer, place.offsetBytes + end, extent.offset - end);
    const at = place.offsetBytes + extent.offset;
    end = extent.offset + extent.length;
    if ('bytes' in extent) {
      await writer.write(at, extent.bytes);
      continue;
    }
    const file = files.get(extent.path);
    if (file === undefined) continue;
    digests.set(extent.path, await writeFile(writer, at, extent.path, file, watch));
  }
  await writeZeros(writer, place.offsetBytes + end, clusterSizeBytes - (end % clusterSizeBytes));
  await writer.flush();
  return digests;
}

async function writeFile(
  writer: BlockWriter,
  offset: number,
  path: string,
  file: BootFile,
  { onBytes, signal }: ByteWatch,
): Promise<string> {
  const hash = createHash('sha256');
  let length = 0;
  const expected = file instanceof Uint8Array ? file.length : file.sizeBytes;
  for await (const part of file instanceof Uint8Array ? [file] : file.open()) {
    signal.throwIfAborted();
    if (length + part.length > expected) break;
    await writer.write(offset + length, part);
    hash.update(part);
    length += part.length;
    onBytes(part.length);
  }
  const digest = `sha256:${hash.digest('hex')}`;
  const wanted = file instanceof Uint8Array ? undefined : file.sha256;
  if (length !== expected || (wanted !== undefined && wanted !== digest)) {
    throw writeFailed(`${path} is not what its source promises`, 'Use another medium, or build it again.');
  }
  return digest;
}

async function writeZeros(writer: BlockWriter, offset: number, length: number): Promise<void> {
  for (let done = 0; done < length; done += ZERO_BYTES) {
    await writer.write(offset + done, new Uint8Array(Math.min(ZERO_BYTES, length - done)));
  }
}

/**
 * Reads the volume back with a reader of its own and compares all its files with the digests.
 *
 * @throws AgentError WRITE_FAILED for the first that differs; FormatsError when the volume cannot be read.
 */
export async function verifyVolume(
  file: string,
  place: VolumePlace,
  digests: ReadonlyMap<string, string>,
  { onBytes, signal }: ByteWatch,
): Promise<void> {
  const { entries } = await withDevice(file, (read) =>
    readFat32((offset, length) => read(place.offsetBytes + offset, length)),
  );
  const found = new Map(entries.flatMap((entry) => (entry.type === 'file' ? [[entry.path, entry] as const] : [])));
  for (const [path, digest] of digests) {
    const hash = createHash('sha256');
    for await (const part of streamRuns(file, place.offsetBytes, found.get(path)?.runs ?? [], signal)) {
      hash.update(part);
      onBytes(part.length);
    }
    if (`sha256:${hash.digest('hex')}` !== digest) {
      throw writeFailed(
        `${path} reads back from the disk otherwise than it was written`,
        'The disk is failing: replace it.',
      );
    }
  }
}
