import { makeLayoutFolder } from '../layout/layout-folder.ts';
import { MEDIA_TYPES } from '../media-types.ts';
import type { ArtifactSource } from './open-artifacts.ts';
import type { ArtifactTransfer } from './push-artifacts.ts';

/**
 * Copies artefacts into a new layout folder, which appears whole or not at all; every blob is verified on the way.
 *
 * @throws OciError as the source, DESTINATION_EXISTS
 */
export function pullArtifacts(
  source: ArtifactSource,
  folder: string,
  tag: string | undefined,
  transfer: ArtifactTransfer = {},
): Promise<{ totalBytes: number }> {
  const { signal, progress } = transfer;
  const blobs = new Map(
    source.artifacts
      .flatMap(({ manifest }) => [manifest.config, ...manifest.layers])
      .map((blob) => [blob.digest, blob]),
  );
  const totalBytes = [...blobs.values()].reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  async function* counted(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of bytes) {
      done += piece.length;
      progress?.(done, totalBytes);
      yield piece;
    }
  }
  return makeLayoutFolder(
    folder,
    async (layout) => {
      for (const blob of blobs.values()) await layout.addBlob(counted(source.openBlob(blob, signal)), blob.digest);
      const entries = [];
      for (const { bytes, digest, manifest, platform } of source.artifacts) {
        const stored = await layout.addBlob(once(bytes), digest);
        const artifactType = typeof manifest['artifactType'] === 'string' ? manifest['artifactType'] : undefined;
        entries.push({
          mediaType: manifest.mediaType ?? MEDIA_TYPES.ociManifest,
          ...stored,
          artifactType,
          platform,
          tag,
        });
      }
      return { entries, result: { totalBytes } };
    },
    signal,
  );
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
