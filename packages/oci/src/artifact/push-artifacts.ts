import type { Digest } from '@bowline/host';
import { OciError } from '../error.ts';
import { canonicalJson, indexOf } from '../layout/layout-folder.ts';
import { blobPath } from '../layout/layout-source.ts';
import { MEDIA_TYPES } from '../media-types.ts';
import type { LayoutReference, RegistryReference } from '../reference/image-reference.ts';
import type { Registry } from '../registry/registry.ts';
import { readFileRange } from '../source/read-file.ts';
import { type Artifact, openArtifacts } from './open-artifacts.ts';

/** How a push or pull is watched and ended. */
export interface ArtifactTransfer {
  signal?: AbortSignal | undefined;
  /** Bytes that are there so far, and how many there will be; what a registry had already counts as there. */
  progress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
}

/** What a push did. */
export interface PushedArtifacts {
  /** What the tag names now. */
  digest: Digest;
  sentBytes: number;
  totalBytes: number;
}

/**
 * Copies the artefacts of layout folders to a registry: blobs first, then the manifests, and the tag last. One artefact is tagged
 * itself; of several, an index is, by their platforms.
 *
 * @throws OciError as pushes, and as {@link openArtifacts}; MANIFEST_INVALID for two of the same platform
 */
export async function pushArtifacts(
  registry: Registry,
  folders: readonly LayoutReference[],
  to: RegistryReference,
  transfer: ArtifactTransfer = {},
): Promise<PushedArtifacts> {
  const { signal, progress } = transfer;
  const found: { artifact: Artifact; folder: string }[] = [];
  for (const layout of folders) {
    const { artifacts } = await openArtifacts(layout, registry, signal);
    found.push(...artifacts.map((artifact) => ({ artifact, folder: layout.folder })));
  }
  requireDistinct(found.map(({ artifact }) => artifact));
  const blobs = found.flatMap(({ artifact: { manifest }, folder }) =>
    [...manifest.layers, manifest.config].map(({ digest, size }) => ({ digest, size, folder })),
  );
  const totalBytes = blobs.reduce((sum, { size }) => sum + size, 0);
  let [done, sentBytes] = [0, 0];
  for (const { digest, size, folder } of blobs) {
    const path = blobPath(folder, digest);
    const open = (offset: number) => readFileRange(path, { offset }, `Blob ${digest} of ${folder}`, signal);
    const onProgress = (sent: number): void => progress?.(done + sent, totalBytes);
    const outcome = await registry.pushBlob(to.registry, to.repository, { digest, size, open, signal, onProgress });
    if (outcome === 'uploaded') sentBytes += size;
    done += size;
    progress?.(done, totalBytes);
  }
  const put = (reference: string, mediaType: string, bytes: Uint8Array) =>
    registry.pushManifest(to.registry, to.repository, { reference, mediaType, bytes, signal });
  const tag = to.tag ?? 'latest';
  const [only, ...others] = found.map(({ artifact }) => artifact);
  if (only !== undefined && others.length === 0) {
    const digest = await put(tag, only.manifest.mediaType ?? MEDIA_TYPES.ociManifest, only.bytes);
    return { digest, sentBytes, totalBytes };
  }
  const entries = found.map(({ artifact: { digest, bytes, manifest, platform } }) => {
    const artifactType = typeof manifest['artifactType'] === 'string' ? manifest['artifactType'] : undefined;
    return {
      mediaType: manifest.mediaType ?? MEDIA_TYPES.ociManifest,
      digest,
      size: bytes.length,
      artifactType,
      platform,
    };
  });
  for (const { artifact } of found) {
    await put(artifact.digest, artifact.manifest.mediaType ?? MEDIA_TYPES.ociManifest, artifact.bytes);
  }
  const digest = await put(tag, MEDIA_TYPES.ociIndex, canonicalJson(indexOf(entries)));
  return { digest, sentBytes, totalBytes };
}

/** Of two with the same platform behind one tag nobody could choose. */
function requireDistinct(artifacts: readonly Artifact[]): void {
  const seen = new Set<string>();
  for (const { platform } of artifacts) {
    const key = JSON.stringify(platform ?? null);
    if (seen.has(key)) {
      throw new OciError({
        code: 'MANIFEST_INVALID',
        message: `Two of the artefacts to push are for the same platform (${platform?.architecture ?? 'any'}).`,
        hint: 'Push them under different tags.',
      });
    }
    seen.add(key);
  }
}
