import { ByteReader } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';
import type { RandomRead, VolumeRun } from '../volume.ts';
import { type RockRidge, readRockRidge, rockRidgeSkip } from './rock-ridge.ts';

/** A file or directory of a disc. */
export interface IsoEntryFound {
  path: string;
  type: 'file' | 'directory';
  sizeBytes: number;
  /** Where its bytes are, in order. */
  runs: VolumeRun[];
}

/** A disc as found. */
export interface IsoFound {
  /** Volume identifier without trailing spaces. */
  label: string;
  /** Where the names come from; Rock Ridge comes before Joliet, the plain ones are written in small letters. */
  names: 'rock-ridge' | 'joliet' | 'plain';
  /** Directories before their content. */
  entries: IsoEntryFound[];
}

interface Disc {
  read: RandomRead;
  blockSize: number;
  sizeBytes: number;
  names: IsoFound['names'];
  skip: number;
  seen: Set<number>;
  entries: IsoEntryFound[];
}

interface Descriptor {
  reader: ByteReader;
  blockSize: number;
  sizeBytes: number;
}

interface Extent {
  offset: number;
  length: number;
}

const SECTOR = 2048;
const FIRST_DESCRIPTOR = 16;
const MAX_DESCRIPTORS = 32;
const MAX_ENTRIES = 20_000;
const MAX_DEPTH = 32;
const MAX_DIRECTORY_BYTES = 2 * 1024 * 1024;
const FLAG = { directory: 0x02, multiExtent: 0x80 } as const;

/**
 * The volume identifier of a disc, from its primary descriptor alone.
 *
 * @throws FormatsError `FORMAT_INVALID`, `FORMAT_TRUNCATED` when this is no ISO 9660 disc.
 */
export async function readIsoLabel(read: RandomRead): Promise<string> {
  const { primary } = await readDescriptors(read);
  return primary.reader.latin1(40, 32).trimEnd();
}

/**
 * Lists an ISO 9660 disc (ECMA-119) with the names of Rock Ridge (SUSP 1.12, RRIP 1.12) or Joliet where there are any, and
 * where its files lie, without reading them. Links and relocated directories are left out.
 *
 * @throws FormatsError `FORMAT_INVALID`, `FORMAT_TRUNCATED`, `FORMAT_LIMIT`, `FORMAT_UNSUPPORTED` (interleaved files).
 */
export async function readIso9660(read: RandomRead): Promise<IsoFound> {
  const { primary, joliet } = await readDescriptors(read);
  const label = primary.reader.latin1(40, 32).trimEnd();
  const skip = await findRockRidge(read, primary);
  const names = skip !== undefined ? 'rock-ridge' : joliet === undefined ? 'plain' : 'joliet';
  const { reader, blockSize, sizeBytes } = names === 'joliet' && joliet !== undefined ? joliet : primary;
  const disc: Disc = { read, blockSize, sizeBytes, names, skip: skip ?? 0, seen: new Set(), entries: [] };
  await listDirectory(disc, '', extentOf(disc, reader, 156), 0);
  return { label, names, entries: disc.entries };
}

async function readDescriptors(read: RandomRead): Promise<{ primary: Descriptor; joliet: Descriptor | undefined }> {
  let primary: Descriptor | undefined;
  let joliet: Descriptor | undefined;
  for (let index = 0; index < MAX_DESCRIPTORS; index++) {
    const reader = new ByteReader(await read((FIRST_DESCRIPTOR + index) * SECTOR, SECTOR), 'ISO 9660 descriptor');
    if (reader.latin1(1, 5) !== 'CD001') throw invalid('a volume descriptor has no signature');
    const type = reader.u8(0);
    if (type === 255) break;
    if (type === 1) primary ??= descriptorOf(reader);
    // The three levels of UCS-2 that the Joliet specification names.
    if (type === 2 && ['%/@', '%/C', '%/E'].includes(reader.latin1(88, 3))) joliet ??= descriptorOf(reader);
  }
  if (primary === undefined) throw invalid('there is no primary volume descriptor');
  return { primary, joliet };
}

function descriptorOf(reader: ByteReader): Descriptor {
  const blockSize = reader.u16(128);
  if (![512, 1024, 2048].includes(blockSize)) throw invalid(`a block of ${blockSize} bytes`);
  return { reader, blockSize, sizeBytes: reader.u32(80) * blockSize };
}

/** Bytes to skip in every system use field; undefined on a disc without Rock Ridge. */
async function findRockRidge(read: RandomRead, { reader, blockSize }: Descriptor): Promise<number | undefined> {
  const first = new ByteReader(await read(reader.u32(158) * blockSize, 256), 'ISO 9660 root directory');
  return rockRidgeSkip(first, first.u8(0));
}

async function listDirectory(disc: Disc, path: string, extent: Extent, depth: number): Promise<void> {
  if (depth > MAX_DEPTH) throw limit(`directories are nested deeper than ${MAX_DEPTH}`);
  if (extent.length > MAX_DIRECTORY_BYTES) throw limit(`the directory ${JSON.stringify(path)} is too large`);
  if (disc.seen.has(extent.offset)) throw invalid(`the directory ${JSON.stringify(path)} contains itself`);
  disc.seen.add(extent.offset);
  const reader = new ByteReader(await disc.read(extent.offset, extent.length), 'ISO 9660 directory');
  const folders: { path: string; extent: Extent }[] = [];
  let open: IsoEntryFound | undefined;
  for (let at = 0; at < extent.length; ) {
    const length = reader.u8(at);
    if (length === 0) {
      // Records do not cross sectors: the rest of this one is empty.
      at = (Math.floor(at / SECTOR) + 1) * SECTOR;
      continue;
    }
    const record = new ByteReader(reader.slice(at, length), 'ISO 9660 directory record');
    at += length;
    const found = await readRecord(disc, record, path);
    if (found === undefined) continue;
    const isFolder = (found.flags & FLAG.directory) !== 0;
    if (isFolder) {
      add(disc, { path: found.path, type: 'directory', sizeBytes: 0, runs: [] });
      folders.push({ path: found.path, extent: found.extent });
      continue;
    }
    // A file of 4 GiB and more has several records with one name; all but the last say that more follow.
    const entry: IsoEntryFound = open ?? { path: found.path, type: 'file', sizeBytes: 0, runs: [] };
    if (open === undefined) add(disc, entry);
    if (found.extent.length > 0) entry.runs.push(found.extent);
    if (entry.runs.length > 4096) throw limit(`${entry.path} has too many parts`);
    entry.sizeBytes += found.extent.length;
    open = (found.flags & FLAG.multiExtent) === 0 ? undefined : entry;
  }
  for (const folder of folders) await listDirectory(disc, folder.path, folder.extent, depth + 1);
}

interface Record {
  path: string;
  flags: number;
  extent: Extent;
}

async function readRecord(disc: Disc, record: ByteReader, folder: string): Promise<Record | undefined> {
  const nameLength = record.u8(32);
  const stored = record.slice(33, nameLength);
  if (nameLength === 1 && (stored[0] === 0 || stored[0] === 1)) return undefined;
  const flags = record.u8(25);
  let rockRidge: RockRidge | undefined;
  if (disc.names === 'rock-ridge') {
    const start = 33 + nameLength + (nameLength % 2 === 0 ? 1 : 0) + disc.skip;
    rockRidge = await readRockRidge(record, start, (block, offset, length) =>
      disc.read(block * disc.blockSize + offset, length),
    );
    if (rockRidge.ignored) return undefined;
  }
  const name = rockRidge?.name ?? (disc.names === 'joliet' ? decodeUcs2(stored) : plainName(record, nameLength));
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) {
    throw invalid(`the name ${JSON.stringify(name)}`);
  }
  if (record.u8(26) !== 0 || record.u8(27) !== 0) {
    throw new FormatsError({ code: 'FORMAT_UNSUPPORTED', message: `ISO 9660 disc: ${name} is stored interleaved` });
  }
  return { path: folder === '' ? name : `${folder}/${name}`, flags, extent: extentOf(disc, record, 0) };
}

function extentOf(disc: Disc, reader: ByteReader, at: number): Extent {
  const offset = (reader.u32(at + 2) + reader.u8(at + 1)) * disc.blockSize;
  const length = reader.u32(at + 10);
  // Writers count whole blocks; a file must begin and end within them.
  if (length > 0 && offset + length > disc.sizeBytes) throw invalid('a file lies outside the disc');
  return { offset, length };
}

function add(disc: Disc, entry: IsoEntryFound): void {
  if (disc.entries.length >= MAX_ENTRIES) throw limit(`more than ${MAX_ENTRIES} entries`);
  disc.entries.push(entry);
}

/** `README.TXT;1` is `readme.txt`, as Linux shows it. */
function plainName(record: ByteReader, length: number): string {
  return record
    .latin1(33, length)
    .replace(/;[0-9]*$/, '')
    .replace(/\.$/, '')
    .toLowerCase();
}

function decodeUcs2(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at + 1 < bytes.length; at += 2)
    text += String.fromCharCode((bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0));
  return text.replace(/;[0-9]*$/, '');
}

function invalid(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INVALID', message: `ISO 9660 disc: ${why}` });
}

function limit(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_LIMIT', message: `ISO 9660 disc: ${why}` });
}
