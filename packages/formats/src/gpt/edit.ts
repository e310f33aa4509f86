import { ByteReader } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';
import { crc32 } from './crc32.ts';
import { encodeGuid, type Guid, NIL_GUID } from './guid.ts';
import { type GptEnds, parseGpt } from './read.ts';
import {
  GPT_ENTRY_SIZE,
  GPT_SECTOR_SIZE,
  type GptPartition,
  PARTITION_ATTRIBUTE_BIT,
  type SectorBytes,
} from './table.ts';

/** What to change in a table. Whatever else it holds stays as it is, byte for byte. */
export interface GptChanges {
  add: readonly GptPartition[];
  /** Partition that gets another size; its start stays. */
  resize?: { number: number; sizeBytes: number } | undefined;
  /** Partitions that get another unique GUID (PARTUUID). */
  identify?: readonly { number: number; partGuid: Guid }[] | undefined;
}

/** Bytes and where they go. */
export interface GptWrite {
  offset: number;
  bytes: Uint8Array<ArrayBuffer>;
}

/** The changed table, in the order in which it is to be written, with a flush between. */
export interface GptEdited {
  /** Entries and header at the end of the disk, wherever the old backup was. */
  backup: GptWrite;
  /** Header and entries of the primary table. */
  primary: GptWrite;
  /** Sector 0, whose protective entry covers the disk as it is now. */
  mbr: GptWrite;
  /** Numbers that the added partitions got. */
  numbers: number[];
}

/** Sectors that partitions may use on a disk of this size with this table. */
export interface UsableSectors {
  firstLba: number;
  lastLba: number;
}

interface RawTable {
  sectorBytes: SectorBytes;
  header: Uint8Array<ArrayBuffer>;
  entries: Uint8Array<ArrayBuffer>;
  entrySize: number;
  entriesLba: number;
}

/**
 * Where partitions may lie once the backup is at the end of the disk: more than the table says when the disk has grown.
 *
 * @throws FormatsError as {@link parseGpt}.
 */
export function usableSectors(ends: GptEnds): UsableSectors {
  const { firstUsableLba } = parseGpt(ends);
  return { firstLba: firstUsableLba, lastLba: lastUsable(ends, readRaw(ends)) };
}

/**
 * Adds, resizes and renames (by GUID) partitions of a table that another tool may have made: numbers, attributes, boot
 * code and places of all other partitions are kept. The good copy is taken when one is damaged.
 *
 * @throws FormatsError as {@link parseGpt}; `FORMAT_INPUT` for overlaps, places outside the disk, names that do not fit,
 *   GUIDs that exist, and a table without a free entry.
 */
export function editGpt(ends: GptEnds, changes: GptChanges): GptEdited {
  const raw = readRaw(ends);
  const { sectorBytes } = raw;
  const lastLba = ends.diskSizeBytes / sectorBytes - 1;
  const numbers = changes.add.map((partition) => addEntry(raw, partition));
  if (changes.resize) resizeEntry(raw, changes.resize);
  for (const change of changes.identify ?? []) identifyEntry(raw, change);
  checkPlaces(raw, parseGpt(ends).firstUsableLba, lastUsable(ends, raw));
  const entriesSectors = Math.ceil(raw.entries.length / sectorBytes);
  const backupLba = lastLba - entriesSectors;
  const lastUsableLba = lastUsable(ends, raw);
  const primaryHeader = encodeHeader(raw, { own: 1, other: lastLba, entriesLba: raw.entriesLba, lastUsableLba });
  const backupHeader = encodeHeader(raw, { own: lastLba, other: 1, entriesLba: backupLba, lastUsableLba });
  const primary = new Uint8Array((raw.entriesLba - 1 + entriesSectors) * sectorBytes);
  // Between header and entries may lie what others put there.
  primary.set(new ByteReader(ends.start, 'primary GPT').slice(sectorBytes, primary.length));
  primary.set(primaryHeader);
  primary.set(raw.entries, (raw.entriesLba - 1) * sectorBytes);
  const backup = new Uint8Array((entriesSectors + 1) * sectorBytes);
  backup.set(raw.entries);
  backup.set(backupHeader, entriesSectors * sectorBytes);
  return {
    backup: { offset: backupLba * sectorBytes, bytes: backup },
    primary: { offset: sectorBytes, bytes: primary },
    mbr: { offset: 0, bytes: protectiveMbr(ends.start, lastLba) },
    numbers,
  };
}

/** The raw bytes of the copy that `parseGpt` takes. */
function readRaw(ends: GptEnds): RawTable {
  const { source } = parseGpt(ends);
  const { sectorBytes = GPT_SECTOR_SIZE } = ends;
  const lastLba = ends.diskSizeBytes / sectorBytes - 1;
  const [bytes, baseLba, headerLba] =
    source === 'primary'
      ? ([ends.start, 0, 1] as const)
      : ([ends.end, lastLba + 1 - ends.end.length / sectorBytes, lastLba] as const);
  const reader = new ByteReader(bytes, 'partition table');
  const at = (headerLba - baseLba) * sectorBytes;
  const header = Uint8Array.from(reader.slice(at, reader.u32(at + 12)));
  const entrySize = reader.u32(at + 84);
  const entriesLba = reader.size64(at + 72);
  const entries = Uint8Array.from(reader.slice((entriesLba - baseLba) * sectorBytes, reader.u32(at + 80) * entrySize));
  // A backup does not say where the primary entries are: right behind the header, as everywhere.
  return { sectorBytes, header, entries, entrySize, entriesLba: source === 'primary' ? entriesLba : 2 };
}

function lastUsable(ends: GptEnds, raw: RawTable): number {
  const sectors = ends.diskSizeBytes / raw.sectorBytes;
  return sectors - 2 - Math.ceil(raw.entries.length / raw.sectorBytes);
}

function addEntry(raw: RawTable, partition: GptPartition): number {
  const { name } = partition;
  if (name.length > 36 || name.includes('\0')) throw refuse(`the name ${JSON.stringify(name)}: 36 characters fit`);
  const count = raw.entries.length / raw.entrySize;
  const guid = encodeGuid(partition.partGuid);
  let free = -1;
  for (let index = count - 1; index >= 0; index--) {
    const entry = entryAt(raw, index);
    if (isEmpty(entry)) free = index;
    else if (entry.subarray(16, 32).every((byte, at) => byte === guid[at])) throw refuse('one GUID twice');
  }
  if (free < 0) throw refuse(`more than ${count} partitions`);
  const entry = entryAt(raw, free);
  const view = new DataView(entry.buffer, entry.byteOffset, entry.byteLength);
  entry.fill(0);
  entry.set(encodeGuid(partition.typeGuid));
  entry.set(guid, 16);
  view.setBigUint64(32, BigInt(partition.startLba), true);
  setSize(raw, view, partition.startLba, partition.sizeBytes);
  let bits = 0n;
  for (const attribute of partition.attributes ?? []) bits |= 1n << BigInt(PARTITION_ATTRIBUTE_BIT[attribute]);
  view.setBigUint64(48, bits, true);
  for (let unit = 0; unit < name.length; unit++) view.setUint16(56 + unit * 2, name.charCodeAt(unit), true);
  return free + 1;
}

function resizeEntry(raw: RawTable, { number, sizeBytes }: { number: number; sizeBytes: number }): void {
  const entry = entryAt(raw, number - 1);
  if (entry.length === 0 || isEmpty(entry)) throw refuse(`another size of partition ${number}, which is not there`);
  const view = new DataView(entry.buffer, entry.byteOffset, entry.byteLength);
  setSize(raw, view, Number(view.getBigUint64(32, true)), sizeBytes);
}

function identifyEntry(raw: RawTable, { number, partGuid }: { number: number; partGuid: Guid }): void {
  const entry = entryAt(raw, number - 1);
  if (entry.length === 0 || isEmpty(entry)) throw refuse(`another GUID of partition ${number}, which is not there`);
  if (partGuid === NIL_GUID) throw refuse(`a GUID of zeros for partition ${number}`);
  const guid = encodeGuid(partGuid);
  for (let index = 0; index < raw.entries.length / raw.entrySize; index++) {
    const other = entryAt(raw, index);
    const isTaken = index !== number - 1 && !isEmpty(other) && guid.every((byte, at) => byte === other[16 + at]);
    if (isTaken) throw refuse(`the GUID ${partGuid} twice`);
  }
  entry.set(guid, 16);
}

function setSize({ sectorBytes }: RawTable, view: DataView, startLba: number, sizeBytes: number): void {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes % sectorBytes !== 0) {
    throw refuse(`a partition of ${sizeBytes} bytes: it must be a positive multiple of ${sectorBytes}`);
  }
  view.setBigUint64(40, BigInt(startLba + sizeBytes / sectorBytes - 1), true);
}

function checkPlaces(raw: RawTable, firstLba: number, lastLba: number): void {
  const places: { start: bigint; end: bigint }[] = [];
  for (let index = 0; index < raw.entries.length / raw.entrySize; index++) {
    const entry = entryAt(raw, index);
    if (isEmpty(entry)) continue;
    const view = new DataView(entry.buffer, entry.byteOffset, entry.byteLength);
    places.push({ start: view.getBigUint64(32, true), end: view.getBigUint64(40, true) });
  }
  places.sort((a, b) => (a.start < b.start ? -1 : 1));
  let next = BigInt(firstLba);
  for (const { start, end } of places) {
    if (start < next) throw refuse('partitions that overlap, or lie before the usable space');
    next = end + 1n;
  }
  if (next - 1n > BigInt(lastLba)) throw refuse('a partition that reaches beyond the usable space');
}

interface HeaderPlaces {
  own: number;
  other: number;
  entriesLba: number;
  lastUsableLba: number;
}

function encodeHeader(raw: RawTable, places: HeaderPlaces): Uint8Array {
  const header = Uint8Array.from(raw.header);
  const view = new DataView(header.buffer);
  view.setBigUint64(24, BigInt(places.own), true);
  view.setBigUint64(32, BigInt(places.other), true);
  view.setBigUint64(48, BigInt(places.lastUsableLba), true);
  view.setBigUint64(72, BigInt(places.entriesLba), true);
  view.setUint32(88, crc32(raw.entries), true);
  view.setUint32(16, 0, true);
  view.setUint32(16, crc32(header), true);
  return header;
}

function protectiveMbr(start: Uint8Array, lastLba: number): Uint8Array<ArrayBuffer> {
  const mbr = Uint8Array.from(new ByteReader(start, 'protective MBR').slice(0, GPT_SECTOR_SIZE));
  const at = [446, 462, 478, 494].find((entry) => mbr[entry + 4] === 0xee);
  if (mbr[510] !== 0x55 || mbr[511] !== 0xaa || at === undefined) {
    throw new FormatsError({ code: 'FORMAT_INVALID', message: 'the protective MBR is missing' });
  }
  new DataView(mbr.buffer).setUint32(at + 12, Math.min(lastLba, 0xffffffff), true);
  return mbr;
}

function entryAt(raw: RawTable, index: number): Uint8Array<ArrayBuffer> {
  const at = index * raw.entrySize;
  return raw.entries.subarray(at, at + Math.max(raw.entrySize, GPT_ENTRY_SIZE));
}

function isEmpty(entry: Uint8Array): boolean {
  return entry.subarray(0, 16).every((byte) => byte === 0);
}

function refuse(what: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INPUT', message: `a GPT cannot hold ${what}` });
}
