import { createHash } from 'node:crypto';
import { copyFile, link, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { BlobStore } from '@bowline/host';
import type { Arch } from '@bowline/spec';
import type { LayerRef } from './source.ts';

/**
 * Writes layers of the store as an OCI image layout folder with the tag `latest`, uncompressed, for an engine to open. Blobs are
 * hard-linked where store and folder share a file system: nothing is copied, and stored blobs are read-only.
 * Source: OCI image spec 1.1, image-layout.md, manifest.md, config.md.
 */
export async function writeLayout(
  folder: string,
  layers: readonly LayerRef[],
  arch: Arch,
  store: BlobStore,
): Promise<void> {
  const blobs = path.join(folder, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  for (const { diffId } of new Map(layers.map((layer) => [layer.diffId, layer])).values()) {
    const [from, to] = [await store.path(diffId), path.join(blobs, diffId.slice('sha256:'.length))];
    await link(from, to).catch(() => copyFile(from, to));
  }
  const put = async (mediaType: string, value: object) => {
    const text = JSON.stringify(value);
    const hex = createHash('sha256').update(text).digest('hex');
    await writeFile(path.join(blobs, hex), text);
    return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(text) };
  };
  const config = await put('application/vnd.oci.image.config.v1+json', {
    architecture: arch,
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map(() => ({ created: '1970-01-01T00:00:00Z' })),
  });
  const manifest = await put('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config,
    layers: layers.map(({ diffId, size }) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest: diffId,
      size,
    })),
  });
  await writeFile(
    path.join(folder, 'index.json'),
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [
        {
          ...manifest,
          platform: { architecture: arch, os: 'linux' },
          annotations: { 'org.opencontainers.image.ref.name': 'latest' },
        },
      ],
    }),
  );
  await writeFile(path.join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}
