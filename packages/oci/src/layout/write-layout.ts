import { createHash, randomUUID } from 'node:crypto';
import { chmod, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Digest, syncFolder } from '@bowline/host';
import { digestOf, mismatchError } from '../digest.ts';
import { OciError } from '../error.ts';
import { MEDIA_TYPES } from '../media-types.ts';
import { blobPath, REF_NAME } from './layout-source.ts';

/** A layer to write. */
export interface LayoutLayer {
  mediaType: string;
  /** Digest of the uncompressed tar; a function where only reading the bytes tells it: it is asked after them. */
  diffId: Digest | (() => Digest);
  /** When given, the bytes must have this digest. */
  digest?: Digest;
  open: () => AsyncIterable<Uint8Array>;
}

/** The configuration of the image; `rootfs` is made from the layers. `created` is left out unless given: no clock is asked. */
export interface LayoutConfig {
  architecture: string;
  variant?: string;
  created?: string;
  author?: string;
  config?: Readonly<Record<string, unknown>>;
  history?: readonly Readonly<Record<string, unknown>>[];
}

export interface LayoutImage {
  /** New folder; must not exist. It appears whole or not at all. */
  folder: string;
  image: LayoutConfig;
  layers: readonly LayoutLayer[];
  /** Annotations of the manifest. */
  annotations?: Readonly<Record<string, string>>;
  /** Name of the image in the folder. */
  tag?: string;
  signal?: AbortSignal;
}

/** What was written. */
export interface WrittenLayout {
  manifestDigest: Digest;
  configDigest: Digest;
  layers: readonly { digest: Digest; size: number; mediaType: string; diffId: Digest }[];
}

/**
 * Writes one Linux image as an OCI layout folder. Same input, same bytes: JSON keys are sorted, modes do not follow the umask.
 * Throws DESTINATION_EXISTS, and DIGEST_MISMATCH when a layer is not what it says.
 */
export async function writeOciLayout(request: LayoutImage): Promise<WrittenLayout> {
  await requireAbsent(request.folder);
  const parent = dirname(request.folder);
  await mkdir(parent, { recursive: true });
  const work = `${request.folder}.tmp-${randomUUID()}`;
  try {
    for (const folder of [work, join(work, 'blobs'), join(work, 'blobs', 'sha256')]) {
      await mkdir(folder);
      await chmod(folder, 0o755);
    }
    const written = await fill(work, request);
    for (const folder of [join(work, 'blobs', 'sha256'), join(work, 'blobs'), work]) await syncFolder(folder);
    await rename(work, request.folder);
    await syncFolder(parent);
    return written;
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    throw error;
  }
}

async function fill(folder: string, request: LayoutImage): Promise<WrittenLayout> {
  const layers: WrittenLayout['layers'][number][] = [];
  for (const layer of request.layers) {
    request.signal?.throwIfAborted();
    const stored = await writeBlob(folder, layer.open(), request.signal);
    if (layer.digest !== undefined && layer.digest !== stored.digest) {
      throw mismatchError(`A layer for ${request.folder}`, layer.digest, stored.digest);
    }
    const diffId = typeof layer.diffId === 'function' ? layer.diffId() : layer.diffId;
    layers.push({ ...stored, mediaType: layer.mediaType, diffId });
  }
  const config = canonicalJson({
    ...request.image,
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
  });
  const manifest = canonicalJson({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: { mediaType: MEDIA_TYPES.ociConfig, digest: digestOf(config), size: config.length },
    layers: layers.map(({ digest, size, mediaType }) => ({ mediaType, digest, size })),
    ...(request.annotations === undefined ? {} : { annotations: request.annotations }),
  });
  const { architecture, variant } = request.image;
  const index = canonicalJson({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociIndex,
    manifests: [
      {
        mediaType: MEDIA_TYPES.ociManifest,
        digest: digestOf(manifest),
        size: manifest.length,
        platform: { os: 'linux', architecture, ...(variant === undefined ? {} : { variant }) },
        ...(request.tag === undefined ? {} : { annotations: { [REF_NAME]: request.tag } }),
      },
    ],
  });
  await writeFileDurably(blobPath(folder, digestOf(config)), [config]);
  await writeFileDurably(blobPath(folder, digestOf(manifest)), [manifest]);
  await writeFileDurably(join(folder, 'oci-layout'), [canonicalJson({ imageLayoutVersion: '1.0.0' })]);
  await writeFileDurably(join(folder, 'index.json'), [index]);
  return { manifestDigest: digestOf(manifest), configDigest: digestOf(config), layers };
}

/** Streams a blob under a temporary name, because its digest is known at the end. */
async function writeBlob(
  folder: string,
  stream: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<{ digest: Digest; size: number }> {
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

/** JSON with sorted keys and without spaces. */
function canonicalJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(sortKeys(value)));
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const pairs = Object.entries(value).filter((pair) => pair[1] !== undefined);
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sortKeys(item)]));
}
