import { FormatsError, type GptFound, parseGpt, type RandomRead, type SectorBytes } from '@bowline/formats';
import { TYPE_GUID } from '@bowline/os-layout';
import { probeFileSystem } from '../disk/file-system-label.ts';
import { readInstalledName } from './installed-name.ts';

/** What lies on a disk. */
export interface DiskContent {
  /** Short lines for people; empty: nothing was found that anybody could miss. */
  lines: string[];
  /** An installation of Bowline, in words: `an installation (edge 1.2)`. */
  installation: string | undefined;
}

const MIB = 2 ** 20;
const NOTHING: DiskContent = { lines: [], installation: undefined };
const END_BYTES = 64 * 1024;
/** Places all over the disk that are looked at, besides its first and last MiB. */
const SAMPLES = 64;
const SAMPLE_BYTES = 16 * 1024;
const MAX_LINES = 40;

/** Mark of a disk on which an installation began, in sectors no table uses; it goes away when the installation is there. */
export const UNFINISHED_MARK = { offsetBytes: 256 * 1024, text: 'bowline: unfinished installation\n' } as const;

/** Looks at what is on a disk, without writing. Errors of reading are thrown. */
export async function readDiskContent(read: RandomRead, sizeBytes: number, sector: SectorBytes): Promise<DiskContent> {
  const table = await readAnyTable(read, sizeBytes, sector);
  const start = await read(0, MIB);
  const isUnfinished = hasMark(start);
  if (table !== undefined) {
    // The power went while the table was written: the first start, which makes the state, never came.
    if (isUnfinished && isOurs(table) && !hasState(table)) return NOTHING;
    return describeTable(read, table, sector);
  }
  const fileSystem = await probeFileSystem(read);
  if (fileSystem !== undefined) {
    return { lines: [named(`a file system ${fileSystem.type}`, fileSystem.label)], installation: undefined };
  }
  const mbr = mbrPartitions(start);
  if (mbr.length > 0) return { lines: mbr, installation: undefined };
  if (isUnfinished) return NOTHING;
  const isEmpty = isZero(start) && (await hasOnlyZeros(read, sizeBytes));
  return isEmpty ? NOTHING : { lines: ['data without a partition table'], installation: undefined };
}

function hasMark(start: Uint8Array): boolean {
  const { offsetBytes, text } = UNFINISHED_MARK;
  return new TextDecoder('latin1').decode(start.subarray(offsetBytes, offsetBytes + text.length)) === text;
}

function hasState({ partitions }: GptFound): boolean {
  return partitions.some(({ typeGuid }) => typeGuid === TYPE_GUID.state);
}

function isOurs(table: GptFound): boolean {
  return hasState(table) || table.partitions.some(({ name }) => name === 'root-a');
}

async function readAnyTable(read: RandomRead, sizeBytes: number, sector: SectorBytes): Promise<GptFound | undefined> {
  const length = Math.min(END_BYTES, sizeBytes - (sizeBytes % sector));
  const usable = sizeBytes - (sizeBytes % sector);
  const start = await read(0, length);
  const end = await read(usable - length, length);
  try {
    return parseGpt({ start, end, diskSizeBytes: usable, sectorBytes: sector });
  } catch (error) {
    if (error instanceof FormatsError) return undefined;
    throw error;
  }
}

async function describeTable(read: RandomRead, table: GptFound, sector: SectorBytes): Promise<DiskContent> {
  const lines: string[] = [];
  for (const { number, name, startLba, sizeBytes } of table.partitions) {
    const offset = startLba * sector;
    const found = await probeFileSystem((at, length) => read(offset + at, Math.min(length, sizeBytes - at))).catch(
      () => undefined,
    );
    const what = found === undefined ? '' : `, ${named(found.type, found.label)}`;
    lines.push(
      `partition ${number}${name === '' ? '' : ` ${printable(name)}`} (${Math.round(sizeBytes / MIB)} MiB${what})`,
    );
  }
  if (lines.length === 0) lines.push('an empty partition table');
  const more = lines.length - MAX_LINES;
  return {
    lines: more > 0 ? [...lines.slice(0, MAX_LINES), `${more} more partitions`] : lines,
    installation: isOurs(table) ? await nameInstallation(read, table, sector) : undefined,
  };
}

async function nameInstallation(read: RandomRead, table: GptFound, sector: SectorBytes): Promise<string> {
  const esp = table.partitions.find(({ typeGuid }) => typeGuid === TYPE_GUID.esp);
  const start = (esp?.startLba ?? 0) * sector;
  const name = esp && (await readInstalledName((offset, length) => read(start + offset, length)));
  return name === undefined ? 'an installation of Bowline' : `an installation (${printable(name)})`;
}

function mbrPartitions(start: Uint8Array): string[] {
  if (start[510] !== 0x55 || start[511] !== 0xaa) return [];
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  return [446, 462, 478, 494].flatMap((at, index) => {
    const type = start[at + 4] ?? 0;
    const sectors = view.getUint32(at + 12, true);
    if (type === 0 || sectors === 0) return [];
    return [`MBR partition ${index + 1} (type 0x${type.toString(16)}, ${Math.round((sectors * 512) / MIB)} MiB)`];
  });
}

async function hasOnlyZeros(read: RandomRead, sizeBytes: number): Promise<boolean> {
  if (!isZero(await read(Math.max(0, sizeBytes - MIB), MIB))) return false;
  for (let index = 1; index < SAMPLES; index++) {
    const at = Math.floor((sizeBytes / SAMPLES) * index);
    if (!isZero(await read(at - (at % SAMPLE_BYTES), SAMPLE_BYTES))) return false;
  }
  return true;
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function named(what: string, label: string): string {
  return label === '' ? what : `${what} "${printable(label)}"`;
}

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?');
}
