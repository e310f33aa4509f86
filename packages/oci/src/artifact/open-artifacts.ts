import type { Digest } from '@bowline/host';
import { digestOf, verifyStream } from '../digest.ts';
import { OciError } from '../error.ts';
import { blobPath, openLayoutRoot } from '../layout/layout-source.ts';
import { parseManifest } from '../manifest/parse-manifest.ts';
import type { Descriptor, ImageIndex, ImageManifest } from '../manifest/schema.ts';
import {
  formatImageReference,
  type ImageReference,
  type LayoutReference,
  type RegistryReference,
} from '../reference/image-reference.ts';
import type { Registry } from '../registry/registry.ts';
import { readFileRange } from '../source/read-file.ts';
import { readWhole } from '../source/read-whole.ts';

/** Most manifests behind one reference. */
const MAX_ARTIFACTS = 64;

/** One manifest behind a reference. */
export interface Artifact {
  digest: Digest;
  /** Exact bytes of the manifest. */
  bytes: Uint8Array;
  manifest: ImageManifest;
  /** What the index says it is for; nobody has verified that. */
  platform?: { os: string; architecture: string; variant?: string } | undefined;
}

/** All artefacts behind a reference, in a folder or a registry. */
export interface ArtifactSource {
  /** For messages. */
  readonly origin: string;
  readonly artifacts: readonly Artifact[];
  /** Verified bytes of a blob; the stream fails (DIGEST_MISMATCH, TRUNCATED) before it ends when they are others. */
  openBlob(blob: { digest: Digest; size: number }, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/**
 * Finds the artefacts that a reference names: one manifest, or all those of an index, whatever their platform.
 *
 * @param registry only needed for a reference to one
 * @throws OciError as `ImageSource.resolve`; REFERENCE_INVALID for an archive
 */
export async function openArtifacts(
  reference: ImageReference,
  registry?: Registry,
  signal?: AbortSignal,
): Promise<ArtifactSource> {
  if (reference.kind === 'oci-layout') return openFromLayout(reference, signal);
  if (reference.kind === 'registry' && registry !== undefined) return openFromRegistry(reference, registry, signal);
  throw new OciError({
    code: 'REFERENCE_INVALID',
    message: `${formatImageReference(reference)} is no place for artefacts.`,
    hint: 'Name a folder (oci:FOLDER) or a registry.',
  });
}

async function openFromRegistry(
  reference: RegistryReference,
  registry: Registry,
  signal: AbortSignal | undefined,
): Promise<ArtifactSource> {
  const { registry: host, repository } = reference;
  const origin = formatImageReference(reference);
  const fetch = (wanted: string) => registry.fetchManifest(host, repository, wanted, signal);
  const root = await fetch(reference.digest ?? reference.tag ?? 'latest');
  const what = `The manifest of ${origin}`;
  const parsed = parseManifest(root.bytes, root.mediaType, what);
  const read = async ({ digest }: Descriptor) => (await fetch(digest)).bytes;
  const artifacts =
    parsed.kind === 'image'
      ? [{ digest: root.digest, bytes: root.bytes, manifest: parsed.manifest }]
      : await readEntries(parsed.index, read, what);
  return { origin, artifacts, openBlob: (blob, stop) => registry.openBlob(host, repository, blob, stop) };
}

async function openFromLayout(reference: LayoutReference, signal: AbortSignal | undefined): Promise<ArtifactSource> {
  const origin = formatImageReference(reference);
  const openBlob = (blob: { digest: Digest; size: number }, stop?: AbortSignal): AsyncIterable<Uint8Array> => {
    const what = `Blob ${blob.digest} of ${origin}`;
    // One byte more than promised, so that a longer file is noticed.
    const stream = readFileRange(blobPath(reference.folder, blob.digest), { length: blob.size + 1 }, what, stop);
    return verifyStream(stream, { digest: blob.digest, sizeBytes: blob.size, what });
  };
  const what = `The manifest of ${origin}`;
  const read = (entry: Descriptor) => readWhole((blob) => openBlob(blob, signal), entry, what);
  const index = await openLayoutRoot(reference, origin);
  return { origin, artifacts: await readEntries(index, read, what), openBlob };
}

async function readEntries(
  index: ImageIndex,
  read: (entry: Descriptor) => Promise<Uint8Array>,
  what: string,
): Promise<Artifact[]> {
  if (index.manifests.length > MAX_ARTIFACTS) {
    throw new OciError({
      code: 'MANIFEST_INVALID',
      message: `${what} is an index of ${index.manifests.length} entries; the limit is ${MAX_ARTIFACTS}.`,
      hint: 'Name one of them by its digest.',
    });
  }
  const artifacts: Artifact[] = [];
  for (const entry of index.manifests) {
    const bytes = await read(entry);
    const parsed = parseManifest(bytes, entry.mediaType, what);
    if (parsed.kind === 'index') {
      throw new OciError({
        code: 'MANIFEST_INVALID',
        message: `${what} is an index that holds another index.`,
        hint: 'Name one of its manifests by digest.',
      });
    }
    const { os, architecture, variant } = entry.platform ?? {};
    const platform =
      os === undefined || architecture === undefined
        ? undefined
        : { os, architecture, ...(variant === undefined ? {} : { variant }) };
    artifacts.push({ digest: digestOf(bytes), bytes, manifest: parsed.manifest, platform });
  }
  return artifacts;
}
