import {
  FormatsError,
  type GptEnds,
  type GptImage,
  type GrubImages,
  parseGpt,
  placeGrub,
  type SectorBytes,
  writeGpt,
} from '@bowline/formats';
import { withDevice } from '../disk/device-bytes.ts';
import type { BlockWriter } from '../slots/block-writer.ts';
import { UNFINISHED_MARK } from './disk-content.ts';
import { writeFailed } from './install-error.ts';
import type { InstallPlan, PlannedPartition } from './plan.ts';
import type { DiskPlace } from './source.ts';

const MIB = 2 ** 20;
const MBR_BYTES = 512;
/** At least one sector of any disk. */
const MARK_BYTES = 4096;

/** The target as this process sees it. */
export interface TargetDisk {
  file: string;
  /** Whole sectors. */
  sizeBytes: number;
  sectorBytes: SectorBytes;
}

/**
 * Takes both tables and the signatures of what lay on the disk away, and leaves a mark that an installation began. From
 * now on nothing starts from it, and it may be installed on again without asking.
 */
export async function eraseDisk(
  writer: BlockWriter,
  { sizeBytes }: TargetDisk,
  partitions: readonly PlannedPartition[],
): Promise<void> {
  const start = new Uint8Array(MIB);
  start.set(new TextEncoder().encode(UNFINISHED_MARK.text), UNFINISHED_MARK.offsetBytes);
  await writer.write(0, start);
  await writer.write(sizeBytes - MIB, new Uint8Array(MIB));
  await writer.flush();
  // Old file systems may begin where partitions without one will.
  for (const { role, startBytes } of partitions) {
    if (role === 'extra' && startBytes !== undefined) await writer.write(startBytes, new Uint8Array(MIB));
  }
  await writer.flush();
}

/** The partition table of a plan; nothing is written. Throws FormatsError for a plan that is none. */
export function encodeTable({ sizeBytes, sectorBytes }: TargetDisk, { diskGuid, partitions }: InstallPlan): GptImage {
  return writeGpt({
    diskGuid,
    sizeBytes,
    sectorBytes,
    partitions: partitions.flatMap(({ typeGuid, partGuid, label, role, startBytes, sizeBytes: bytes }) => {
      if (startBytes === undefined || partGuid === undefined) return [];
      const attributes = role.startsWith('root') ? (['read-only', 'no-auto'] as const) : [];
      return [{ typeGuid, partGuid, name: label, startLba: startBytes / sectorBytes, sizeBytes: bytes, attributes }];
    }),
  });
}

/**
 * Writes GRUB's core image into its partition, and puts the code of sector 0 into the table that is yet to be written.
 * Returns what the partition holds now.
 *
 * @throws FormatsError for images that are none of GRUB's, or too large.
 */
export async function writeBootCode(
  writer: BlockWriter,
  place: DiskPlace,
  images: GrubImages,
  table: GptImage,
): Promise<Uint8Array> {
  const { mbr, core } = placeGrub(images, {
    mbr: table.primary.subarray(0, MBR_BYTES),
    lba: place.offsetBytes / MBR_BYTES,
    partitionBytes: place.sizeBytes,
  });
  table.primary.set(mbr);
  const padded = new Uint8Array(place.sizeBytes);
  padded.set(core);
  await writer.write(place.offsetBytes, padded);
  await writer.flush();
  return padded;
}

/** Throws AgentError WRITE_FAILED when the disk gives other bytes back. */
export async function verifyBytes(file: string, offsetBytes: number, bytes: Uint8Array, what: string): Promise<void> {
  const found = await withDevice(file, async (read) => read(offsetBytes, bytes.length));
  if (Buffer.from(found).equals(bytes)) return;
  throw writeFailed(`${what} reads back from the disk otherwise than it was written`, 'Replace the disk.');
}

/**
 * Writes the backup, then the primary table, each durable before the next, and reads both back. Then the mark goes.
 *
 * @throws AgentError WRITE_FAILED when they read back wrong.
 */
export async function writeTable(writer: BlockWriter, disk: TargetDisk, table: GptImage): Promise<void> {
  await writer.write(table.backupLba * disk.sectorBytes, table.backup);
  await writer.flush();
  await writer.write(0, table.primary);
  await writer.flush();
  const ends = await readEnds(disk, table);
  const isSame = ends.start.every((byte, at) => byte === table.primary[at]);
  const problem = isSame ? findProblem(ends) : 'sector 0 is another';
  if (problem !== undefined) throw writeFailed(`the partition table reads back wrong: ${problem}`, 'Replace the disk.');
  await writer.write(UNFINISHED_MARK.offsetBytes, new Uint8Array(MARK_BYTES));
  await writer.flush();
}

async function readEnds({ file, sizeBytes, sectorBytes }: TargetDisk, table: GptImage): Promise<GptEnds> {
  return withDevice(file, async (read) => ({
    start: await read(0, table.primary.length),
    end: await read(sizeBytes - table.backup.length, table.backup.length),
    diskSizeBytes: sizeBytes,
    sectorBytes,
  }));
}

function findProblem(ends: GptEnds): string | undefined {
  try {
    return parseGpt(ends).problems[0];
  } catch (error) {
    if (error instanceof FormatsError) return error.message;
    throw error;
  }
}
