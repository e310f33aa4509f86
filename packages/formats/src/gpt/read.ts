import { ByteReader } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';
import { crc32 } from './crc32.ts';
import { decodeGuid, type Guid, NIL_GUID } from './guid.ts';
import {
  GPT_ENTRY_SIZE,
  GPT_HEADER_SIZE,
  GPT_SECTOR_SIZE,
  type GptPartition,
  PARTITION_ATTRIBUTE_BIT,
  type PartitionAttribute,
  type SectorBytes,
} from './table.ts';

/** The two ends of a disk or disk image. */
export interface GptEnds {
  /** From sector 0 on; 34 sectors of 512 bytes hold an ordinary table, 6 of 4096. */
  start: Uint8Array;
  /** Up to the end of the disk; 33 sectors of 512 bytes hold an ordinary backup, 5 of 4096. */
  end: Uint8Array;
  diskSizeBytes: number;
  /** Logical sectors; 512 unless given. */
  sectorBytes?: SectorBytes;
}

/** A partition as found. */
export interface GptPartitionFound extends Required<GptPartition> {
  /** 1 and up: the place in the table. */
  number: number;
  /** All attribute bits, also those without a name. */
  attributeBits: bigint;
}

/** A table as found. */
export interface GptFound {
  diskGuid: Guid;
  firstUsableLba: number;
  lastUsableLba: number;
  partitions: GptPartitionFound[];
  /** Which copy was read: `backup` when the primary one is damaged. */
  source: 'primary' | 'backup';
  /** What is wrong although a table could be read, in plain words; empty when all is well. */
  problems: string[];
}

type Table = Omit<GptFound, 'source' | 'problems'> & { entriesCrc: number };

const MAX_ENTRIES = 1024;
/** The MBR has 512 bytes whatever the sectors. */
const MBR_BYTES = 512;

/**
 * Reads a GPT: checks the protective MBR, the checksums of both copies, and that they agree.
 * One good copy is enough; what is wrong with the other is in `problems`.
 *
 * @throws FormatsError of the primary copy when neither can be read.
 */
export function parseGpt(ends: GptEnds): GptFound {
  const { sectorBytes = GPT_SECTOR_SIZE } = ends;
  const lastLba = ends.diskSizeBytes / sectorBytes - 1;
  const endLba = lastLba + 1 - ends.end.length / sectorBytes;
  const primary = tryRead('primary GPT', () => readTable({ bytes: ends.start, baseLba: 0, lastLba, sectorBytes }, 1));
  const backup = tryRead('backup GPT', () =>
    readTable({ bytes: ends.end, baseLba: endLba, lastLba, sectorBytes }, lastLba),
  );
  const problems: string[] = [];
  if (!hasProtectiveMbr(ends.start)) problems.push('the protective MBR is missing');
  if (!primary.table) problems.push(primary.error.message);
  if (!backup.table) problems.push(backup.error.message);
  const table = primary.table ?? backup.table;
  if (!table) throw primary.error;
  if (primary.table && backup.table && !isSameTable(primary.table, backup.table)) {
    problems.push('the primary and the backup GPT differ');
  }
  const { entriesCrc: _, ...found } = table;
  problems.push(...findOverlaps(found, sectorBytes));
  return { ...found, source: primary.table ? 'primary' : 'backup', problems };
}

type Attempt = { table: Table; error?: undefined } | { table?: undefined; error: FormatsError };

function tryRead(what: string, read: () => Table): Attempt {
  try {
    return { table: read() };
  } catch (error) {
    if (!(error instanceof FormatsError)) throw error;
    return { error: new FormatsError({ code: error.code, message: `${what}: ${error.message}`, cause: error }) };
  }
}

/** One end of a disk: `bytes` starts at sector `baseLba`, `lastLba` is the disk's last. */
interface DiskEnd {
  bytes: Uint8Array;
  baseLba: number;
  lastLba: number;
  sectorBytes: SectorBytes;
}

function readTable({ bytes, baseLba, lastLba, sectorBytes }: DiskEnd, headerLba: number): Table {
  const reader = new ByteReader(bytes, 'partition table');
  const at = (headerLba - baseLba) * sectorBytes;
  if (reader.latin1(at, 8) !== 'EFI PART') throw invalid('the signature is missing');
  const headerSize = reader.u32(at + 12);
  if (headerSize < GPT_HEADER_SIZE || headerSize > sectorBytes) throw invalid(`a header of ${headerSize} bytes`);
  const header = Uint8Array.from(reader.slice(at, headerSize));
  header.fill(0, 16, 20);
  if (crc32(header) !== reader.u32(at + 16)) throw invalid('the checksum of the header is wrong');
  if (reader.size64(at + 24) !== headerLba) throw invalid('the header belongs to another sector');

  const count = reader.u32(at + 80);
  const entrySize = reader.u32(at + 84);
  if (count > MAX_ENTRIES || entrySize < GPT_ENTRY_SIZE || entrySize > 4096) {
    throw invalid(`${count} entries of ${entrySize} bytes are not plausible`);
  }
  const entries = reader.slice((reader.size64(at + 72) - baseLba) * sectorBytes, count * entrySize);
  const entriesCrc = crc32(entries);
  if (entriesCrc !== reader.u32(at + 88)) throw invalid('the checksum of the entries is wrong');
  return {
    diskGuid: decodeGuid(reader.slice(at + 56, 16)),
    firstUsableLba: reader.size64(at + 40),
    lastUsableLba: reader.size64(at + 48),
    partitions: readEntries(entries, { count, size: entrySize, lastLba, sectorBytes }),
    entriesCrc,
  };
}

interface EntriesShape {
  count: number;
  size: number;
  lastLba: number;
  sectorBytes: number;
}

function readEntries(bytes: Uint8Array, { count, size, lastLba, sectorBytes }: EntriesShape): GptPartitionFound[] {
  const reader = new ByteReader(bytes, 'partition entries');
  const found: GptPartitionFound[] = [];
  for (let index = 0; index < count; index++) {
    const at = index * size;
    const typeGuid = decodeGuid(reader.slice(at, 16));
    if (typeGuid === NIL_GUID) continue;
    const startLba = reader.size64(at + 32);
    const endLba = reader.size64(at + 40);
    if (endLba < startLba || endLba > lastLba) throw invalid(`partition ${index + 1} is not within the disk`);
    const attributeBits = reader.u64(at + 48);
    found.push({
      number: index + 1,
      typeGuid,
      partGuid: decodeGuid(reader.slice(at + 16, 16)),
      name: readName(reader, at + 56),
      startLba,
      sizeBytes: (endLba - startLba + 1) * sectorBytes,
      attributeBits,
      attributes: (Object.keys(PARTITION_ATTRIBUTE_BIT) as PartitionAttribute[]).filter(
        (attribute) => (attributeBits >> BigInt(PARTITION_ATTRIBUTE_BIT[attribute])) & 1n,
      ),
    });
  }
  return found;
}

function readName(reader: ByteReader, offset: number): string {
  let name = '';
  for (let unit = 0; unit < 36; unit++) {
    const code = reader.u16(offset + unit * 2);
    if (code === 0) break;
    name += String.fromCharCode(code);
  }
  return name;
}

function hasProtectiveMbr(start: Uint8Array): boolean {
  if (start.length < MBR_BYTES || start[510] !== 0x55 || start[511] !== 0xaa) return false;
  return [0, 1, 2, 3].some((index) => start[446 + index * 16 + 4] === 0xee);
}

function isSameTable(a: Table, b: Table): boolean {
  return (
    a.diskGuid === b.diskGuid &&
    a.firstUsableLba === b.firstUsableLba &&
    a.lastUsableLba === b.lastUsableLba &&
    a.entriesCrc === b.entriesCrc
  );
}

function findOverlaps(
  { partitions, firstUsableLba, lastUsableLba }: Omit<Table, 'entriesCrc'>,
  sectorBytes: number,
): string[] {
  const problems: string[] = [];
  let end = firstUsableLba;
  for (const { number, startLba, sizeBytes } of partitions.toSorted((a, b) => a.startLba - b.startLba)) {
    if (startLba < end) problems.push(`partition ${number} starts before the space it may use`);
    end = Math.max(end, startLba + sizeBytes / sectorBytes);
  }
  if (end - 1 > lastUsableLba) problems.push('the last partition reaches beyond the usable space');
  return problems;
}

function invalid(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INVALID', message: why });
}
