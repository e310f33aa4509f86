import { join } from 'node:path';
import type { Digest } from '@bowline/host';
import { digestOf, verifyStream } from '../digest.ts';
import { OciError, quoteForeignText } from '../error.ts';
import { MAX_MANIFEST_BYTES, parseDocument, parseManifest } from '../manifest/parse-manifest.ts';
import { type FetchedManifest, resolveImage } from '../manifest/resolve-image.ts';
import { type Descriptor, ImageIndex, LayoutMarker } from '../manifest/schema.ts';
import { formatImageReference, type LayoutReference } from '../reference/image-reference.ts';
import type { ImageSource } from '../source/image-source.ts';
import { measureFile, readFileRange } from '../source/read-file.ts';
import { readWhole } from '../source/read-whole.ts';

/** Annotation that names an image of a layout (OCI image spec 1.1, annotations.md). */
export const REF_NAME = 'org.opencontainers.image.ref.name';

/** An image in a folder of the OCI image layout (image-layout.md): nested indexes, reference names, every blob verified. */
export function createLayoutSource(reference: LayoutReference): ImageSource {
  const origin = formatImageReference(reference);
  const { folder } = reference;
  const openBlob = (blob: { digest: Digest; size: number }, signal?: AbortSignal): AsyncGenerator<Uint8Array> => {
    const what = `Blob ${blob.digest} of ${origin}`;
    // One byte more than promised, so that a longer file is noticed.
    const stream = readFileRange(blobPath(folder, blob.digest), { length: blob.size + 1 }, what, signal);
    return verifyStream(stream, { digest: blob.digest, sizeBytes: blob.size, what });
  };
  const readManifest = async (descriptor: {
    digest: Digest;
    size: number;
    mediaType?: string;
  }): Promise<FetchedManifest> => {
    const what = `The manifest ${descriptor.digest} of ${origin}`;
    const bytes = await readWhole((blob) => openBlob(blob), descriptor, what);
    return { digest: descriptor.digest, parsed: parseManifest(bytes, descriptor.mediaType, what) };
  };
  let root: Promise<FetchedManifest> | undefined;
  return {
    origin,
    resolve: async (platform, signal) => {
      signal?.throwIfAborted();
      root ??= openRoot(reference, origin, readManifest);
      return resolveImage(
        await root,
        {
          readManifest,
          readConfig: (descriptor) => readWhole(openBlob, descriptor, `The configuration of ${origin}`),
        },
        platform,
        origin,
      );
    },
    openLayer: openBlob,
  };
}

/** Where a blob lies in a layout folder. */
export function blobPath(folder: string, digest: Digest): string {
  return join(folder, 'blobs', 'sha256', digest.slice('sha256:'.length));
}

async function openRoot(
  reference: LayoutReference,
  origin: string,
  readManifest: (descriptor: { digest: Digest; size: number }) => Promise<FetchedManifest>,
): Promise<FetchedManifest> {
  const index = await openLayoutRoot(reference, origin);
  const [entry] = index.manifests;
  if (reference.digest !== undefined && entry !== undefined) return readManifest(entry);
  return { digest: digestOf(new TextEncoder().encode(JSON.stringify(index))), parsed: { kind: 'index', index } };
}

/** The index of a layout folder with those entries only that a reference names. Throws NOT_FOUND, MANIFEST_INVALID. */
export async function openLayoutRoot(reference: LayoutReference, origin: string): Promise<ImageIndex> {
  const { folder, digest } = reference;
  parseDocument(LayoutMarker, await readJson(folder, 'oci-layout', origin), `The file oci-layout of ${origin}`);
  const bytes = await readJson(folder, 'index.json', origin);
  const index = parseDocument(ImageIndex, bytes, `The index.json of ${origin}`);
  if (digest === undefined) return { ...index, manifests: selectEntries(index.manifests, reference.tag, origin) };
  const known = index.manifests.find((entry) => entry.digest === digest);
  if (known !== undefined) return { ...index, manifests: [known] };
  const size = await measureFile(blobPath(folder, digest), `The manifest ${digest} of ${origin}`);
  return { ...index, manifests: [{ mediaType: '', digest, size }] };
}

/** The entries of one name; several when a layout has one entry per platform. */
function selectEntries(entries: readonly Descriptor[], tag: string | undefined, origin: string): Descriptor[] {
  const names = [...new Set(entries.flatMap((entry) => entry.annotations?.[REF_NAME] ?? []))].sort();
  const list = names
    .slice(0, 20)
    .map((name) => quoteForeignText(name, 80))
    .join(', ');
  if (tag !== undefined) {
    const found = entries.filter((entry) => entry.annotations?.[REF_NAME] === tag);
    if (found.length > 0) return found;
    throw new OciError({
      code: 'NOT_FOUND',
      message: `${origin} names an image that is not in the folder; there is: ${list || 'one without a name'}.`,
      hint: names.length === 0 ? 'Leave the tag out.' : 'Use one of these names as the tag.',
    });
  }
  if (names.length > 1) {
    throw new OciError({
      code: 'NOT_FOUND',
      message: `${origin} holds several images: ${list}.`,
      hint: `Add the name of one, such as oci:FOLDER:${quoteForeignText(names[0] ?? '', 80)}.`,
    });
  }
  if (entries.length > 0) return [...entries];
  throw new OciError({
    code: 'NOT_FOUND',
    message: `${origin} holds no image.`,
    hint: 'Export the image into the folder again.',
  });
}

async function readJson(folder: string, name: string, origin: string): Promise<Uint8Array> {
  const what = `The file ${name} of the OCI layout ${origin}`;
  const chunks: Uint8Array[] = [];
  for await (const chunk of readFileRange(join(folder, name), { length: MAX_MANIFEST_BYTES + 1 }, what))
    chunks.push(chunk);
  return Buffer.concat(chunks);
}
