import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RootReader } from '../configure/root-reader.ts';

/** Where rpm keeps its database since 4.16 (`%_db_backend sqlite`); older formats are not read. */
const DATABASES = ['usr/lib/sysimage/rpm/rpmdb.sqlite', 'var/lib/rpm/rpmdb.sqlite'];
/** Tags of rpm headers (rpmtag.h) and the type of their texts. */
const TAG = { name: 1000, version: 1001, release: 1002, epoch: 1003, arch: 1022 } as const;
const ENTRY_BYTES = 16;
const MAX_ENTRIES = 65_536;
/** rpm keeps the keys it trusts as packages. */
const KEYS = 'gpg-pubkey';

/** Names and versions (`epoch:version-release.arch`) in rpm's database of a root; none where there is none that can be read. */
export async function readRpmPackages(root: RootReader): Promise<[name: string, version: string][]> {
  for (const path of DATABASES) {
    const bytes = await root.read(path);
    if (bytes === undefined) continue;
    // A copy: SQLite reads files, and takes back what a write-ahead log was in the middle of.
    const folder = await mkdtemp(join(tmpdir(), 'bowline-rpm-'));
    try {
      await writeFile(join(folder, 'rpmdb.sqlite'), bytes);
      const log = await root.read(`${path}-wal`);
      if (log !== undefined) await writeFile(join(folder, 'rpmdb.sqlite-wal'), log);
      return await readHeaders(join(folder, 'rpmdb.sqlite'));
    } catch {
      // The list is for people; an image is not refused for a database it cannot show.
      return [];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return [];
}

async function readHeaders(path: string): Promise<[string, string][]> {
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(path);
  try {
    const found: [string, string][] = [];
    for (const row of database.prepare('SELECT blob FROM Packages').iterate()) {
      const { blob } = row;
      const each = blob instanceof Uint8Array ? parseHeader(blob) : undefined;
      if (each !== undefined && each[0] !== KEYS) found.push(each);
    }
    return found;
  } finally {
    database.close();
  }
}

/** Name and version of a header as it lies in the database: counts, entries, texts, all big-endian (rpm, docs/manual/format_header). */
function parseHeader(blob: Uint8Array): [name: string, version: string] | undefined {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const count = view.getUint32(0);
  if (count > MAX_ENTRIES) return undefined;
  const store = 8 + count * ENTRY_BYTES;
  const fields = new Map<number, string>();
  for (let at = 8; at < store; at += ENTRY_BYTES) {
    const [tag, offset] = [view.getUint32(at), store + view.getUint32(at + 8)];
    if (tag === TAG.epoch) fields.set(tag, `${view.getUint32(offset)}:`);
    else if (tag === TAG.name || tag === TAG.version || tag === TAG.release || tag === TAG.arch) {
      const end = blob.indexOf(0, offset);
      fields.set(tag, new TextDecoder().decode(blob.subarray(offset, end < 0 ? offset : end)));
    }
  }
  const [name, version, release] = [fields.get(TAG.name), fields.get(TAG.version), fields.get(TAG.release)];
  if (!name || !version || !release) return undefined;
  const arch = fields.get(TAG.arch);
  return [name, `${fields.get(TAG.epoch) ?? ''}${version}-${release}${arch ? `.${arch}` : ''}`];
}
