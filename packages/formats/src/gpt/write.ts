import { alignUp } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';
import { crc32 } from './crc32.ts';
import { encodeGuid, type Guid, NIL_GUID } from './guid.ts';
import {
  GPT_ALIGNMENT_BYTES,
  GPT_ENTRY_COUNT,
  GPT_ENTRY_SIZE,
  GPT_HEADER_SIZE,
  GPT_SECTOR_SIZE,
  type GptPartition,
  PARTITION_ATTRIBUTE_BIT,
  type SectorBytes,
} from './table.ts';

/** A disk to describe. */
export interface GptDisk {
  diskGuid: Guid;
  /** Size of the whole disk in bytes, a multiple of the sector size. */
  sizeBytes: number;
  /** Logical sectors; 512 unless given. */
  sectorBytes?: SectorBytes;
  /** In the order of their numbers; the first becomes partition 1. */
  partitions: readonly GptPartition[];
  /** Code for BIOS machines in the first 440 bytes of the MBR. */
  bootCode?: Uint8Array;
}

/** The bytes of a GPT and where they go. */
export interface GptImage {
  /** From sector 0 on: protective MBR, header, entries. */
  primary: Uint8Array<ArrayBuffer>;
  /** The last sectors: entries, header. */
  backup: Uint8Array<ArrayBuffer>;
  /** Sector where `backup` starts. */
  backupLba: number;
}

const BOOT_CODE_SIZE = 440;
const MIB = 1024 * 1024;

/**
 * Writes protective MBR, primary and backup GPT (UEFI 2.10, chapter 5). Nothing but the input decides the bytes.
 *
 * @throws FormatsError `FORMAT_INPUT` for overlapping, misaligned or oversized partitions, repeated GUIDs, long names.
 */
export function writeGpt(disk: GptDisk): GptImage {
  const { sizeBytes, sectorBytes = GPT_SECTOR_SIZE } = disk;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes % sectorBytes !== 0 || sizeBytes < 2 * MIB) {
    throw refuse(`a disk of ${sizeBytes} bytes: it must be a multiple of ${sectorBytes} and at least 2 MiB`);
  }
  const sectors = sizeBytes / sectorBytes;
  const backupSectors = (GPT_ENTRY_COUNT * GPT_ENTRY_SIZE) / sectorBytes + 1;
  const backupLba = sectors - backupSectors;
  checkPartitions(disk.partitions, backupLba - 1, sectorBytes);
  const entries = encodeEntries(disk.partitions, sectorBytes);
  const alignment = GPT_ALIGNMENT_BYTES / sectorBytes;
  const headerOf = (own: number, other: number, entriesLba: number): Uint8Array =>
    encodeHeader({
      own,
      other,
      entriesLba,
      firstUsable: alignment,
      lastUsable: backupLba - 1,
      diskGuid: disk.diskGuid,
      entries,
    });

  const primary = new Uint8Array((backupSectors + 1) * sectorBytes);
  primary.set(encodeProtectiveMbr(sectors, disk.bootCode));
  primary.set(headerOf(1, sectors - 1, 2), sectorBytes);
  primary.set(entries, 2 * sectorBytes);
  const backup = new Uint8Array(backupSectors * sectorBytes);
  backup.set(entries);
  backup.set(headerOf(sectors - 1, 1, backupLba), entries.length);
  return { primary, backup, backupLba };
}

/**
 * Gives partitions their places one after the other on 1 MiB boundaries, and the size of the smallest disk, a
 * multiple of 1 MiB, which holds them with both tables.
 */
export function placePartitions<P extends Omit<GptPartition, 'startLba'>>(
  partitions: readonly P[],
  sectorBytes: SectorBytes = GPT_SECTOR_SIZE,
): { partitions: (P & { startLba: number })[]; diskSizeBytes: number } {
  let nextByte = GPT_ALIGNMENT_BYTES;
  const placed = partitions.map((partition) => {
    const startLba = nextByte / sectorBytes;
    nextByte = alignUp(nextByte + partition.sizeBytes, GPT_ALIGNMENT_BYTES);
    return { ...partition, startLba };
  });
  const backupBytes = GPT_ENTRY_COUNT * GPT_ENTRY_SIZE + sectorBytes;
  return { partitions: placed, diskSizeBytes: alignUp(nextByte + backupBytes, MIB) };
}

function encodeProtectiveMbr(sectors: number, bootCode: Uint8Array | undefined): Uint8Array {
  const mbr = new Uint8Array(GPT_SECTOR_SIZE);
  if (bootCode) {
    if (bootCode.length > BOOT_CODE_SIZE) throw refuse(`boot code of ${bootCode.length} bytes: 440 fit`);
    mbr.set(bootCode);
  }
  // One partition of type 0xEE over the whole disk (UEFI 2.10, table 5.4): sector 1 to the end, or as far as 32 bits reach.
  mbr.set([0x00, 0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff], 446);
  const view = new DataView(mbr.buffer);
  view.setUint32(454, 1, true);
  view.setUint32(458, Math.min(sectors - 1, 0xffffffff), true);
  mbr.set([0x55, 0xaa], 510);
  return mbr;
}

interface HeaderFields {
  own: number;
  other: number;
  entriesLba: number;
  firstUsable: number;
  lastUsable: number;
  diskGuid: Guid;
  entries: Uint8Array;
}

function encodeHeader(fields: HeaderFields): Uint8Array {
  const header = new Uint8Array(GPT_HEADER_SIZE);
  const view = new DataView(header.buffer);
  header.set(new TextEncoder().encode('EFI PART'));
  view.setUint32(8, 0x0001_0000, true);
  view.setUint32(12, GPT_HEADER_SIZE, true);
  view.setBigUint64(24, BigInt(fields.own), true);
  view.setBigUint64(32, BigInt(fields.other), true);
  view.setBigUint64(40, BigInt(fields.firstUsable), true);
  view.setBigUint64(48, BigInt(fields.lastUsable), true);
  header.set(encodeGuid(fields.diskGuid), 56);
  view.setBigUint64(72, BigInt(fields.entriesLba), true);
  view.setUint32(80, GPT_ENTRY_COUNT, true);
  view.setUint32(84, GPT_ENTRY_SIZE, true);
  view.setUint32(88, crc32(fields.entries), true);
  view.setUint32(16, crc32(header), true);
  return header;
}

function encodeEntries(partitions: readonly GptPartition[], sectorBytes: number): Uint8Array {
  const entries = new Uint8Array(GPT_ENTRY_COUNT * GPT_ENTRY_SIZE);
  const view = new DataView(entries.buffer);
  for (const [index, partition] of partitions.entries()) {
    const at = index * GPT_ENTRY_SIZE;
    entries.set(encodeGuid(partition.typeGuid), at);
    entries.set(encodeGuid(partition.partGuid), at + 16);
    view.setBigUint64(at + 32, BigInt(partition.startLba), true);
    view.setBigUint64(at + 40, BigInt(lastLbaOf(partition, sectorBytes)), true);
    let bits = 0n;
    for (const attribute of partition.attributes ?? []) bits |= 1n << BigInt(PARTITION_ATTRIBUTE_BIT[attribute]);
    view.setBigUint64(at + 48, bits, true);
    for (let unit = 0; unit < partition.name.length; unit++) {
      view.setUint16(at + 56 + unit * 2, partition.name.charCodeAt(unit), true);
    }
  }
  return entries;
}

function checkPartitions(partitions: readonly GptPartition[], lastUsable: number, sectorBytes: number): void {
  const alignment = GPT_ALIGNMENT_BYTES / sectorBytes;
  if (partitions.length > GPT_ENTRY_COUNT) throw refuse(`${partitions.length} partitions: 128 fit`);
  const guids = new Set<Guid>();
  for (const partition of partitions) {
    const { name, startLba, sizeBytes, partGuid, typeGuid } = partition;
    if (name.length > 36 || name.includes('\0')) throw refuse(`the name ${JSON.stringify(name)}: 36 characters fit`);
    if (!Number.isSafeInteger(startLba) || startLba < alignment || startLba % alignment !== 0) {
      throw refuse(`${name} at sector ${startLba}: it must start on a multiple of 1 MiB, not at 0`);
    }
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes % sectorBytes !== 0) {
      throw refuse(`${name} of ${sizeBytes} bytes: it must be a positive multiple of ${sectorBytes}`);
    }
    const lastLba = lastLbaOf(partition, sectorBytes);
    if (lastLba > lastUsable) {
      throw refuse(`${name}: it ends at sector ${lastLba}, the last usable one is ${lastUsable}`);
    }
    const guid = partGuid.toLowerCase();
    if (guid === NIL_GUID || typeGuid === NIL_GUID) throw refuse(`${name} with a GUID of zeros`);
    if (guids.has(guid)) throw refuse(`${name}: another partition has the GUID ${guid} too`);
    guids.add(guid);
  }
  const inOrder = partitions.toSorted((a, b) => a.startLba - b.startLba);
  for (const [index, partition] of inOrder.entries()) {
    const before = inOrder[index - 1];
    if (before && lastLbaOf(before, sectorBytes) >= partition.startLba)
      throw refuse(`${before.name} and ${partition.name}: they overlap`);
  }
}

function lastLbaOf(partition: GptPartition, sectorBytes: number): number {
  return partition.startLba + partition.sizeBytes / sectorBytes - 1;
}

function refuse(what: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INPUT', message: `a GPT cannot hold ${what}` });
}
