import { ByteReader } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';
import type { RandomRead, VolumeRun } from '../volume.ts';
import { type FatType, type FatVolumeGeometry, readFatGeometry } from './read-geometry.ts';

/** A file or directory as found. */
export interface FatEntryFound {
  path: string;
  /** The alias, for example `BOWLIN~1.CON`. */
  shortName: string;
  type: 'file' | 'directory';
  sizeBytes: number;
  /** Seconds since the epoch, taking the stored time for UTC. */
  mtimeSeconds: number;
  /** Where its bytes are; adjacent clusters are merged, the last run ends with the file. */
  runs: VolumeRun[];
}

/** A volume as found. */
export interface FatFound {
  type: FatType;
  volumeSizeBytes: number;
  clusterSizeBytes: number;
  clusterCount: number;
  volumeId: number;
  label: string;
  /** Directories before their content. */
  entries: FatEntryFound[];
}

interface Volume extends FatVolumeGeometry {
  read: RandomRead;
  /** Clusters that chains may still use: every cluster belongs to one chain, so more means a loop or a cross-link. */
  budget: { clusters: number; entries: number };
  tablePages: Map<number, Uint8Array>;
}

const MAX_ENTRIES = 100_000;
const MAX_DEPTH = 32;
const MAX_DIRECTORY_BYTES = 2 * 1024 * 1024;
const TABLE_PAGE = 65_536;
const END_OF_CHAIN = { fat12: 0xff8, fat16: 0xfff8, fat32: 0x0fff_fff8 } as const;
const LONG_OFFSETS = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30] as const;

/**
 * Lists a FAT12, FAT16 or FAT32 volume, with long names, and where its files lie, without reading them.
 *
 * @throws FormatsError `FORMAT_INVALID`, `FORMAT_TRUNCATED`, `FORMAT_LIMIT`, or `FORMAT_UNSUPPORTED` for sectors of
 *   another size than 512 and 4096.
 */
export async function readFat(read: RandomRead): Promise<FatFound> {
  return listVolume(read, await readFatGeometry(read));
}

/**
 * As {@link readFat}, for FAT32 alone, which is what firmware must find.
 *
 * @throws FormatsError also `FORMAT_UNSUPPORTED` for FAT12 and FAT16.
 */
export async function readFat32(read: RandomRead): Promise<FatFound> {
  const geometry = await readFatGeometry(read);
  if (geometry.type !== 'fat32') throw unsupported(`it is ${geometry.type.toUpperCase()}, or drivers take it for that`);
  return listVolume(read, geometry);
}

async function listVolume(read: RandomRead, geometry: FatVolumeGeometry): Promise<FatFound> {
  const volume: Volume = {
    ...geometry,
    read,
    budget: { clusters: geometry.clusterCount, entries: MAX_ENTRIES },
    tablePages: new Map(),
  };
  const { type, volumeSizeBytes, clusterSize, clusterCount, volumeId, label } = geometry;
  const found: FatFound = {
    type,
    volumeSizeBytes,
    clusterSizeBytes: clusterSize,
    clusterCount,
    volumeId,
    label,
    entries: [],
  };
  const { root } = geometry;
  await listDirectory(
    volume,
    found,
    '',
    typeof root === 'number' ? await followChain(volume, root, undefined, '') : [root],
    0,
  );
  return found;
}

async function listDirectory(
  volume: Volume,
  found: FatFound,
  path: string,
  runs: readonly VolumeRun[],
  depth: number,
): Promise<void> {
  if (depth > MAX_DEPTH) throw limit(`directories are nested deeper than ${MAX_DEPTH}`);
  let longParts: string[] = [];
  let longChecksum = -1;
  for (const run of runs) {
    const reader = new ByteReader(await volume.read(run.offset, run.length), `FAT directory ${JSON.stringify(path)}`);
    for (let at = 0; at < run.length; at += 32) {
      const first = reader.u8(at);
      if (first === 0) return;
      if ((volume.budget.entries -= 1) < 0) throw limit(`more than ${MAX_ENTRIES} entries`);
      const attribute = reader.u8(at + 11);
      if (first !== 0xe5 && (attribute & 0x3f) === 0x0f) {
        if (first & 0x40) longParts = [];
        longParts.unshift(readLongPart(reader, at));
        longChecksum = reader.u8(at + 13);
        continue;
      }
      const stored = reader.latin1(at, 11);
      const longName = longChecksum === checksumOf(stored) ? longParts.join('') : '';
      longParts = [];
      longChecksum = -1;
      if (first === 0xe5 || stored.startsWith('. ') || stored.startsWith('.. ')) continue;
      if (attribute & 0x08) {
        if (depth === 0) found.label = stored.trimEnd();
        continue;
      }
      await addEntry(volume, found, { reader, at, path, shortName: toReadable(stored), longName, depth });
    }
  }
}

interface EntryPlace {
  reader: ByteReader;
  at: number;
  path: string;
  shortName: string;
  longName: string;
  depth: number;
}

async function addEntry(volume: Volume, found: FatFound, place: EntryPlace): Promise<void> {
  const { reader, at, shortName } = place;
  const name = place.longName === '' ? applyCase(shortName, reader.u8(at + 12)) : place.longName;
  if (/[/\0]/.test(name) || name === '.' || name === '..') throw invalid(`the name ${JSON.stringify(name)}`);
  const path = place.path === '' ? name : `${place.path}/${name}`;
  // The upper half is something else on FAT12 and FAT16.
  const cluster = (volume.type === 'fat32' ? reader.u16(at + 20) * 65_536 : 0) + reader.u16(at + 26);
  const mtimeSeconds = decodeDosTime(reader.u16(at + 24), reader.u16(at + 22));
  const isDirectory = (reader.u8(at + 11) & 0x10) !== 0;
  const sizeBytes = isDirectory ? 0 : reader.u32(at + 28);
  const type = isDirectory ? 'directory' : 'file';
  const runs = await followChain(volume, cluster, isDirectory ? undefined : sizeBytes, path);
  found.entries.push({ path, shortName, type, sizeBytes, mtimeSeconds, runs: isDirectory ? [] : runs });
  if (isDirectory) await listDirectory(volume, found, path, runs, place.depth + 1);
}

/** Runs of a chain; `sizeBytes` says how long it must be, undefined for a directory, which ends where it ends. */
async function followChain(
  volume: Volume,
  first: number,
  sizeBytes: number | undefined,
  path: string,
): Promise<VolumeRun[]> {
  const runs: VolumeRun[] = [];
  if (sizeBytes === 0) return runs;
  let left = sizeBytes ?? Number.POSITIVE_INFINITY;
  let read = 0;
  for (let cluster = first; ; ) {
    if (cluster < 2 || cluster >= volume.clusterCount + 2) throw invalid(`${path || 'the root'} has a broken chain`);
    if ((volume.budget.clusters -= 1) < 0) throw invalid(`${path || 'the root'} shares clusters or runs in a circle`);
    const offset = volume.dataOffset + (cluster - 2) * volume.clusterSize;
    const length = Math.min(left, volume.clusterSize);
    const last = runs.at(-1);
    if (last && last.offset + last.length === offset) last.length += length;
    else runs.push({ offset, length });
    left -= length;
    read += length;
    if (sizeBytes === undefined && read > MAX_DIRECTORY_BYTES) throw limit(`the directory ${path} is too large`);
    cluster = await readTableEntry(volume, cluster);
    const isEnd = cluster >= END_OF_CHAIN[volume.type];
    if (isEnd && left > 0 && sizeBytes !== undefined) throw invalid(`${path} is cut short`);
    if (!isEnd && left === 0) throw invalid(`${path} has more clusters than its size needs`);
    if (isEnd) return runs;
  }
}

async function readTableEntry(volume: Volume, cluster: number): Promise<number> {
  // A table of FAT12 has 6 KiB at most, so that none of its entries lies on two pages.
  const at = volume.type === 'fat12' ? Math.floor(cluster * 1.5) : cluster * (volume.type === 'fat16' ? 2 : 4);
  const page = Math.floor(at / TABLE_PAGE);
  let bytes = volume.tablePages.get(page);
  if (!bytes) {
    // A few pages suffice for chains in order; a hostile volume must not make us hold the whole table.
    if (volume.tablePages.size >= 64) volume.tablePages.clear();
    bytes = await volume.read(volume.tableOffset + page * TABLE_PAGE, TABLE_PAGE);
    volume.tablePages.set(page, bytes);
  }
  const reader = new ByteReader(bytes, 'FAT');
  if (volume.type === 'fat32') return reader.u32(at % TABLE_PAGE) & 0x0fff_ffff;
  const entry = reader.u16(at % TABLE_PAGE);
  if (volume.type === 'fat16') return entry;
  return cluster % 2 === 0 ? entry & 0xfff : entry >> 4;
}

function readLongPart(reader: ByteReader, at: number): string {
  let part = '';
  for (const offset of LONG_OFFSETS) {
    const code = reader.u16(at + offset);
    if (code === 0) break;
    part += String.fromCharCode(code);
  }
  return part;
}

function checksumOf(stored: string): number {
  let sum = 0;
  for (const character of stored) sum = (((sum >> 1) | ((sum & 1) << 7)) + character.charCodeAt(0)) & 0xff;
  return sum;
}

function toReadable(stored: string): string {
  const base = stored.slice(0, 8).trimEnd();
  const extension = stored.slice(8).trimEnd();
  return extension === '' ? base : `${base}.${extension}`;
}

/** Names that fit 8.3 but for their case have no long name: two bits tell which half is in small letters. */
function applyCase(shortName: string, flags: number): string {
  const [base = '', extension] = shortName.split('.');
  const halves = [flags & 0x08 ? base.toLowerCase() : base];
  if (extension !== undefined) halves.push(flags & 0x10 ? extension.toLowerCase() : extension);
  return halves.join('.');
}

function decodeDosTime(date: number, time: number): number {
  const [year, month, day] = [1980 + (date >> 9), ((date >> 5) & 15) - 1, date & 31];
  return Date.UTC(year, month, day, time >> 11, (time >> 5) & 63, (time & 31) * 2) / 1000;
}

function invalid(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INVALID', message: `FAT volume: ${why}` });
}

function unsupported(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_UNSUPPORTED', message: `FAT volume: ${why}` });
}

function limit(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_LIMIT', message: `FAT volume: ${why}` });
}
