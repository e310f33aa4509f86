import { createHash, randomUUID } from 'node:crypto';
import { chmod, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Digest, syncFolder } from '@bowline/host';
import { digestOf, mismatchError } from '../digest.ts';
import { OciError } from '../error.ts';
import { MEDIA_TYPES } from '../media-types.ts';
import { blobPath, REF_NAME } from './layout-source.ts';

/** A blob that was written. */
export interface StoredBlob {
  digest: Digest;
  size: number;
}

/** An entry of `index.json`. */
export interface LayoutEntry extends StoredBlob {
  mediaType: string;
  artifactType?: string | undefined;
  platform?: { os: string; architecture: string; variant?: string } | undefined;
  /** Name of the entry in the folder. */
  tag?: string | undefined;
}

/** A layout folder that is being made. */
export interface LayoutFolder {
  /** Writes a blob while its bytes come; throws DIGEST_MISMATCH when it is not what `expected` says. */
  addBlob(bytes: AsyncIterable<Uint8Array>, expected?: Digest): Promise<StoredBlob>;
  /** Writes a document as JSON with sorted keys and without spaces: the same value gives the same digest. */
  addJson(value: unknown): Promise<StoredBlob>;
}

/**
 * Makes an OCI layout folder (image-layout.md) whole or not at all: `fill` adds blobs and returns the entries of its index. Modes do
 * not follow the umask, and everything is on disk when this returns. Throws DESTINATION_EXISTS.
 */
export async function makeLayoutFolder<T>(
  folder: string,
  fill: (layout: LayoutFolder) => Promise<{ entries: readonly LayoutEntry[]; result: T }>,
  signal?: AbortSignal,
): Promise<T> {
  await requireAbsent(folder);
  const parent = dirname(folder);
  await mkdir(parent, { recursive: true });
  const work = `${folder}.tmp-${randomUUID()}`;
  try {
    for (const each of [work, join(work, 'blobs'), join(work, 'blobs', 'sha256')]) {
      await mkdir(each);
      await chmod(each, 0o755);
    }
    const { entries, result } = await fill({
      addBlob: async (bytes, expected) => {
        const stored = await writeBlob(work, bytes, signal);
        if (expected === undefined || expected === stored.digest) return stored;
        throw mismatchError(`A layer for ${folder}`, expected, stored.digest);
      },
      addJson: async (value) => {
        const bytes = canonicalJson(value);
        await writeFileDurably(blobPath(work, digestOf(bytes)), [bytes]);
        return { digest: digestOf(bytes), size: bytes.length };
      },
    });
    await writeFileDurably(join(work, 'oci-layout'), [canonicalJson({ imageLayoutVersion: '1.0.0' })]);
    await writeFileDurably(join(work, 'index.json'), [canonicalJson(indexOf(entries))]);
    for (const each of [join(work, 'blobs', 'sha256'), join(work, 'blobs'), work]) await syncFolder(each);
    await rename(work, folder);
    await syncFolder(parent);
    return result;
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    throw error;
  }
}

/** An image index of entries (OCI image spec 1.1, image-index.md). */
export function indexOf(entries: readonly LayoutEntry[]): unknown {
  return {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociIndex,
    manifests: entries.map(({ tag, ...entry }) => ({
      ...entry,
      ...(tag === undefined ? {} : { annotations: { [REF_NAME]: tag } }),
    })),
  };
}

/** JSON with sorted keys and without spaces. */
export function canonicalJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(sortKeys(value)));
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const pairs = Object.entries(value).filter((pair) => pair[1] !== undefined);
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sortKeys(item)]));
}

/** Streams a blob under a temporary name, because its digest is known at the end. */
async function writeBlob(
  folder: string,
  stream: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<StoredBlob> {
  const hash = createHash('sha256');
  let size = 0;
  const temporary = join(folder, 'blobs', 'sha256', `tmp-${randomUUID()}`);
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of stream) {
      signal?.throwIfAborted();
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  await writeFileDurably(temporary, counted());
  const digest: Digest = `sha256:${hash.digest('hex')}`;
  await rename(temporary, blobPath(folder, digest));
  return { digest, size };
}

async function writeFileDurably(
  path: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const handle = await open(path, 'w', 0o644);
  try {
    await handle.chmod(0o644);
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function requireAbsent(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    if (error.code === 'ENOTDIR') return [folder];
    throw error;
  });
  if (names === undefined || names.length === 0) return;
  throw new OciError({
    code: 'DESTINATION_EXISTS',
    message: `The OCI layout ${folder} cannot be written: something is there already.`,
    hint: 'Name a new folder or remove the old one first.',
  });
}
