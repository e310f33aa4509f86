import { createReadStream } from 'node:fs';
import { lstat, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { encodeHeader, type IndexedEntry, NO_XATTRS, TAR_END, TarParser, tarPadding } from '@bowline/formats';
import { type BlobStore, type Digest, syncFolder, type TaskProgress } from '@bowline/host';
import { SOURCE_EPOCH } from '@bowline/os-layout';
import type { BowlLock } from '@bowline/spec';
import { ImageError } from '../error.ts';
import { type CacheRecord, collectOwnParts, isRecordPath, MAX_RECORD_BYTES, writeCacheRecord } from './own-parts.ts';

const MARKER = 'bowline-store-1';
const RECORDS = 'records/';
const BLOB = /^blobs\/sha256\/([0-9a-f]{64})$/;
/** A store archive of more members than this is not one of ours. */
const MAX_MEMBERS = 1_000_000;

/** Every layer a lock pins, for all its architectures; sorted, each once. */
export function lockedLayers(lock: BowlLock): { digest: Digest; origin: string }[] {
  const found = new Map<Digest, string>();
  for (const arch of Object.values(lock.arch)) {
    const sources = [arch.base, arch.packages, arch.kernel, ...arch.firmware];
    for (const source of sources)
      for (const layer of source?.layers ?? []) found.set(layer.diffId, source?.origin ?? '');
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([digest, origin]) => ({ digest, origin }));
}

export interface StoreExport {
  lock: BowlLock;
  store: BlobStore;
  /** Further blobs to take along. */
  extraBlobs: readonly { digest: Digest; origin: string }[];
  /** Cache folder whose toolbox and initrd packages go along, so that a site without network can build. */
  cacheFolder?: string;
  /** Absolute path of the archive; it appears whole or not at all. */
  outFile: string;
  progress: TaskProgress;
  signal: AbortSignal;
}

/**
 * Writes one tar with every blob a lock needs. The same lock gives the same bytes.
 * Throws ImageError OFFLINE_MISSING when the store lacks a blob, HostError DISK_FULL through the caller.
 */
export async function exportStore(wish: StoreExport): Promise<{ blobs: number; sizeBytes: number }> {
  const own = await ownParts(wish);
  const blobs = await sizedBlobs(wish, own.blobs);
  const total = blobs.reduce((sum, blob) => sum + blob.size, 0);
  const temporary = `${wish.outFile}.partial`;
  let done = 0;
  try {
    const file = await open(temporary, 'w', 0o644);
    try {
      await file.write(memberHeader(MARKER, 0));
      for (const record of own.records) {
        await file.write(memberHeader(`${RECORDS}${record.path}`, record.content.length));
        await file.write(record.content);
        await file.write(new Uint8Array(tarPadding(record.content.length)));
      }
      for (const blob of blobs) {
        await file.write(memberHeader(`blobs/sha256/${blob.digest.slice(7)}`, blob.size));
        for await (const chunk of createReadStream(await wish.store.path(blob.digest), { highWaterMark: 2 ** 20 })) {
          wish.signal.throwIfAborted();
          await file.write(chunk as Uint8Array);
          done += (chunk as Uint8Array).length;
          wish.progress.bytes(done, total);
        }
        await file.write(new Uint8Array(tarPadding(blob.size)));
      }
      await file.write(TAR_END);
      await file.chmod(0o644);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, wish.outFile);
    await syncFolder(path.dirname(wish.outFile));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return { blobs: blobs.length, sizeBytes: total };
}

async function ownParts(wish: StoreExport) {
  if (wish.cacheFolder === undefined) return { blobs: [], records: [] };
  return collectOwnParts(wish.lock, wish.cacheFolder, wish.store);
}

async function sizedBlobs(
  wish: StoreExport,
  own: readonly { digest: Digest; origin: string }[],
): Promise<{ digest: Digest; size: number }[]> {
  const wanted = new Map(
    [...lockedLayers(wish.lock), ...own, ...wish.extraBlobs].map(({ digest, origin }) => [digest, origin] as const),
  );
  const missing: string[] = [];
  const blobs: { digest: Digest; size: number }[] = [];
  for (const [digest, origin] of [...wanted].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (await wish.store.has(digest)) blobs.push({ digest, size: await wish.store.size(digest) });
    else missing.push(`${origin} (${digest})`);
  }
  if (missing.length === 0) return blobs;
  throw new ImageError({
    code: 'OFFLINE_MISSING',
    message: `The store lacks what bowl.lock pins: ${missing.join(', ')}.`,
    hint: 'Get it first: bowline fetch BOWL.',
    details: { missing },
  });
}

function memberHeader(name: string, size: number): Uint8Array {
  return encodeHeader({
    path: name,
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size,
    mtime: SOURCE_EPOCH,
    linkname: '',
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: NO_XATTRS,
  });
}

/**
 * Takes every blob of a store archive into the store, each verified against its name.
 * Throws ImageError STORE_ARCHIVE_INVALID (another kind of file, damaged); a blob whose bytes do not match is refused by the
 * store (HostError BLOB_MISMATCH), and those before it are kept: they are whole. With `cacheFolder`, the toolbox and initrd packages
 * that came along are made known there.
 */
export async function importStore(
  file: string,
  store: BlobStore,
  progress: TaskProgress,
  signal: AbortSignal,
  cacheFolder?: string,
): Promise<{ blobs: number; added: number }> {
  const { blobs: members, records } = await readMembers(file, signal);
  const total = members.reduce((sum, { size }) => sum + size, 0);
  let [done, added] = [0, 0];
  for (const member of members) {
    signal.throwIfAborted();
    const expected: Digest = `sha256:${BLOB.exec(member.path)?.[1] ?? ''}`;
    if (!(await store.has(expected))) {
      await store.ingest(readRange(file, member), { expected, maxBytes: member.size, signal });
      added++;
    }
    done += member.size;
    progress.bytes(done, total);
  }
  // Last: a record promises that its blobs are there.
  for (const member of records) {
    if (cacheFolder === undefined) break;
    await writeCacheRecord(cacheFolder, await readCacheRecord(file, member));
  }
  return { blobs: members.length, added };
}

async function readCacheRecord(file: string, member: IndexedEntry): Promise<CacheRecord> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readRange(file, member)) chunks.push(chunk);
  return { path: member.path.slice(RECORDS.length), content: Buffer.concat(chunks) };
}

interface ArchiveMembers {
  blobs: IndexedEntry[];
  records: IndexedEntry[];
}

async function readMembers(file: string, signal: AbortSignal): Promise<ArchiveMembers> {
  const parser = new TarParser();
  const found: ArchiveMembers = { blobs: [], records: [] };
  let marked = false;
  let end = 0;
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20, signal })) {
      for (const entry of parser.push(chunk as Uint8Array)) {
        end = entry.offset + entry.storedSize;
        if (marked) sortMember(entry, found, file);
        else if (entry.path !== MARKER) throw notAnArchive(file, `it begins with ${shown(entry)}`);
        marked = true;
      }
    }
    parser.finish();
  } catch (cause) {
    if (signal.aborted || cause instanceof ImageError) throw cause;
    throw notAnArchive(file, cause instanceof Error ? cause.message : String(cause), cause);
  }
  const { size } = await lstat(file);
  if (!marked || end > size) throw notAnArchive(file, 'it is cut short');
  return found;
}

function sortMember(entry: IndexedEntry, found: ArchiveMembers, file: string): void {
  const isPlain = entry.type === 'file' && entry.sparse === undefined;
  const isRecord = entry.path.startsWith(RECORDS) && isRecordPath(entry.path.slice(RECORDS.length));
  if (isPlain && BLOB.test(entry.path)) found.blobs.push(entry);
  else if (isPlain && isRecord && entry.size <= MAX_RECORD_BYTES) found.records.push(entry);
  else throw notAnArchive(file, `it holds ${shown(entry)}`);
  if (found.blobs.length + found.records.length > MAX_MEMBERS)
    throw notAnArchive(file, `it has more than ${MAX_MEMBERS} members`);
}

function shown(entry: IndexedEntry): string {
  return JSON.stringify(entry.path.slice(0, 80));
}

function readRange(file: string, member: IndexedEntry): AsyncIterable<Uint8Array> {
  if (member.size === 0) return emptyStream();
  return createReadStream(file, {
    start: member.offset,
    end: member.offset + member.size - 1,
    highWaterMark: 2 ** 20,
  }) as AsyncIterable<Uint8Array>;
}

async function* emptyStream(): AsyncGenerator<Uint8Array> {
  // An empty blob has no bytes.
}

function notAnArchive(file: string, why: string, cause?: unknown): ImageError {
  return new ImageError({
    code: 'STORE_ARCHIVE_INVALID',
    message: `${file} is no store archive of Bowline, or it is damaged: ${why}.`,
    hint: 'Make it again with bowline store export, and compare its sha256 after copying.',
    cause,
  });
}
