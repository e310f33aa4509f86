import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import {
  editGpt,
  FormatsError,
  type GptChanges,
  type GptEnds,
  type GptFound,
  type GptWrite,
  parseGpt,
  type RandomRead,
  type UsableSectors,
  usableSectors,
  writeGpt,
} from '@bowline/formats';
import { AgentError } from '../error.ts';
import { withDevice } from './device-bytes.ts';
import { probeFileSystem } from './file-system-label.ts';

/** A disk, or an image of one in a file. */
interface Disk {
  /** As this process opens it. */
  file: string;
  sizeBytes: number;
}

/** A partition table with what an edit needs. */
export interface DiskTable {
  found: GptFound;
  usable: UsableSectors;
  ends: GptEnds;
}

/** Enough for tables of 512 entries; all known tools make 128. */
const END_BYTES = 160 * 512;
const MIB = 1024 * 1024;

/**
 * Reads the partition table; undefined when the disk has none at all.
 *
 * @throws AgentError DISK_INVALID when it has another kind of table, or one that is damaged in both copies.
 */
export async function readTable(disk: Disk): Promise<DiskTable | undefined> {
  const ends = await readEnds(disk);
  try {
    const found = parseGpt(ends);
    return { found, usable: usableSectors(ends), ends };
  } catch (error) {
    if (!(error instanceof FormatsError)) throw error;
    const hasSignature = [ends.start.subarray(512, 520), ends.end.subarray(-512, -504)].some(isGptSignature);
    if (hasSignature) throw invalid('its GPT is damaged in both copies', 'Repair it with gdisk.', error);
    if (hasMbr(ends.start))
      throw invalid('it has an MBR partition table; only GPT is supported', 'Convert it with sgdisk -g.');
    return undefined;
  }
}

/**
 * Writes an empty table on a disk that is empty. The GUID is given by the name, so that it is the same on every machine.
 *
 * @throws AgentError DISK_INVALID when the disk has a file system, belongs to LVM or a RAID, or is in use.
 */
export async function initTable(disk: Disk, diskGuid: string): Promise<void> {
  const content = await withDevice(disk.file, probeFileSystem);
  if (content !== undefined) {
    throw invalid(`it has no partitions but a file system (${content.type})`, 'Remove it first, with wipefs -a.');
  }
  if (await withDevice(disk.file, hasVolumeManager)) {
    throw invalid('it belongs to LVM or a RAID', 'Remove it there first, then use wipefs -a.');
  }
  await refuseInUse(disk.file);
  if (disk.sizeBytes < 4 * MIB) throw invalid('it is too small for a partition table', 'Use a larger disk.');
  const { primary, backup, backupLba } = writeGpt({ diskGuid, sizeBytes: disk.sizeBytes, partitions: [] });
  await writeAll(disk.file, [
    { offset: backupLba * 512, bytes: backup },
    { offset: 0, bytes: primary },
  ]);
}

/**
 * Writes a changed table: the space of new partitions is cleared at its start first, then the backup, then the primary,
 * flushed between. Whenever the power fails, one copy is whole; it is read again before anything relies on it.
 * Returns the numbers of the added partitions.
 */
export async function writeTable(disk: Disk, table: DiskTable, changes: GptChanges): Promise<number[]> {
  const edited = editGpt(table.ends, changes);
  const clear = changes.add.map(({ startLba, sizeBytes }) => ({
    offset: startLba * 512,
    bytes: new Uint8Array(Math.min(MIB, sizeBytes)),
  }));
  await writeAll(disk.file, clear);
  await writeAll(disk.file, [edited.backup, edited.primary, edited.mbr]);
  const { problems } = parseGpt(await readEnds(disk));
  if (problems.length > 0) throw invalid(`what was written reads back wrong: ${problems[0]}`, 'Replace the disk.');
  return edited.numbers;
}

/** A GUID for a new partition. */
export const newPartitionGuid = (): string => randomUUID();

async function writeAll(path: string, writes: readonly GptWrite[]): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    for (const { offset, bytes } of writes) {
      for (let done = 0; done < bytes.length; ) {
        done += (await handle.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
      }
      await handle.sync();
    }
  } finally {
    await handle.close();
  }
}

async function readEnds({ file, sizeBytes }: Disk): Promise<GptEnds> {
  return withDevice(file, async (read) => {
    const length = Math.min(END_BYTES, sizeBytes);
    return {
      start: await read(0, length),
      end: await read(sizeBytes - length, length),
      diskSizeBytes: sizeBytes,
    };
  });
}

/** Opened exclusively, a block device that is mounted or belongs to another one is busy. */
async function refuseInUse(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDWR | constants.O_EXCL).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EBUSY') throw invalid('it is in use', 'Unmount what is on it first.', error);
    throw error;
  });
  await handle.close();
}

/** Signatures of LVM2 (in one of the first four sectors) and of md, version 1 (at the start or after 4 KiB). */
async function hasVolumeManager(read: RandomRead): Promise<boolean> {
  const head = Buffer.from(await read(0, 8192));
  const lvm = [0, 512, 1024, 1536].some((at) => head.subarray(at, at + 8).toString('latin1') === 'LABELONE');
  return lvm || [0, 4096].some((at) => head.length >= at + 4 && head.readUInt32LE(at) === 0xa92b4efc);
}

function isGptSignature(bytes: Uint8Array): boolean {
  return Buffer.from(bytes).toString('latin1') === 'EFI PART';
}

/** True for a boot sector with at least one partition; a FAT volume has the same mark at its end. */
function hasMbr(start: Uint8Array): boolean {
  if (start[510] !== 0x55 || start[511] !== 0xaa) return false;
  return [446, 462, 478, 494].some((at) => {
    const status = start[at] ?? 0;
    return (
      (status === 0 || status === 0x80) &&
      start[at + 4] !== 0 &&
      start.subarray(at + 8, at + 16).some((byte) => byte !== 0)
    );
  });
}

function invalid(why: string, hint: string, cause?: unknown): AgentError {
  return new AgentError({ code: 'DISK_INVALID', message: `layout leaves the disk alone: ${why}.`, hint, cause });
}
