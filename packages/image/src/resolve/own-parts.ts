import { lstat, mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { type BlobStore, type Digest, writeFileAtomic } from '@bowline/host';
import type { BowlLock } from '@bowline/spec';
import * as z from 'zod';
import { readToolboxRecord } from '../toolbox/toolbox-record.ts';

/** A small file of the cache folder that says which blobs make up a part of Bowline. */
export interface CacheRecord {
  /** Relative to the cache folder, with `/`. */
  path: string;
  content: Uint8Array;
}

/** The only names a record may have, in an archive from elsewhere too. */
const RECORD_PATH =
  /^(?:toolbox\/record|initrd\/packages-(?:amd64|arm64)-(?:[0-9a-f]{64}|latest)|agent\/(?:[0-9a-f]{64}|node-(?:amd64|arm64)))\.json$/;
const AGENT_RECORD = /^[0-9a-f]{64}\.json$/;
/** Names and versions of some hundred packages. */
export const MAX_RECORD_BYTES = 2 ** 20;

const Sha256 = z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]);
/** What the records of initrd, agent and Node have in common: the one blob that they are about. */
const BlobRecord = z.union([
  z.looseObject({ diffId: Sha256 }).transform(({ diffId }) => diffId),
  z.looseObject({ digest: Sha256 }).transform(({ digest }) => digest),
]);

/** True for a name that {@link writeCacheRecord} accepts. */
export function isRecordPath(name: string): boolean {
  return RECORD_PATH.test(name);
}

/**
 * Bowline's own parts that a build of this lock uses, as far as they are in the cache: the toolbox, and for each architecture the
 * packages of the initrd, the agent, and the Node that it is made with.
 */
export async function collectOwnParts(
  lock: BowlLock,
  cacheFolder: string,
  store: BlobStore,
): Promise<{ blobs: { digest: Digest; origin: string }[]; records: CacheRecord[] }> {
  const blobs: { digest: Digest; origin: string }[] = [];
  const records: CacheRecord[] = [];
  const toolbox = await readToolboxRecord(cacheFolder);
  if (toolbox !== undefined) {
    const name = 'toolbox/record.json';
    records.push({ path: name, content: await readFile(path.join(cacheFolder, name)) });
    blobs.push(...toolbox.tars.map(({ digest }) => ({ digest, origin: 'the toolbox' })));
  }
  for (const [arch, locked] of Object.entries(lock.arch)) {
    const pinned = Object.values(locked.bowline).map((digest) => digest.slice('sha256:'.length));
    const add = async (name: string, origin: string, isWanted: (digest: Digest) => boolean): Promise<void> => {
      const content = await readRecord(path.join(cacheFolder, name));
      const digest = content && parseBlobRecord(content);
      if (content === undefined || digest === undefined || !isWanted(digest) || !(await store.has(digest))) return;
      records.push({ path: name, content });
      blobs.push({ digest, origin });
    };
    for (const name of [...pinned, 'latest'].map((key) => `initrd/packages-${arch}-${key}.json`)) {
      await add(name, `the packages of the ${arch} initrd`, () => true);
    }
    await add(`agent/node-${arch}.json`, `Node for the ${arch} agent`, () => true);
    for (const name of await readdir(path.join(cacheFolder, 'agent')).catch(() => [])) {
      if (!AGENT_RECORD.test(name)) continue;
      await add(`agent/${name}`, `the ${arch} agent`, (digest) => digest === locked.bowline['agent']);
    }
  }
  records.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { blobs, records };
}

/** Puts a record of an archive into a cache folder; the name must be one of ours. */
export async function writeCacheRecord(cacheFolder: string, record: CacheRecord): Promise<void> {
  if (!isRecordPath(record.path)) throw new TypeError(`${record.path} is no record`);
  const file = path.join(cacheFolder, record.path);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFileAtomic(file, record.content);
}

async function readRecord(file: string): Promise<Uint8Array | undefined> {
  const found = await lstat(file).catch(() => undefined);
  return found?.isFile() && found.size <= MAX_RECORD_BYTES ? readFile(file) : undefined;
}

function parseBlobRecord(content: Uint8Array): Digest | undefined {
  try {
    return BlobRecord.parse(JSON.parse(new TextDecoder().decode(content)));
  } catch {
    return undefined;
  }
}
