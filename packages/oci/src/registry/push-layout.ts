import type { Digest } from '@bowline/host';
import { OciError } from '../error.ts';
import { blobPath, createLayoutSource } from '../layout/layout-source.ts';
import type { PlatformWish } from '../manifest/choose-platform.ts';
import { parseManifest } from '../manifest/parse-manifest.ts';
import { MEDIA_TYPES } from '../media-types.ts';
import type { LayoutReference, RegistryReference } from '../reference/image-reference.ts';
import { measureFile, readFileRange } from '../source/read-file.ts';
import { readWhole } from '../source/read-whole.ts';
import type { Registry } from './registry.ts';

/** Copies one image of a layout folder to a registry: blobs first, the manifest under its tag last. Returns its digest. */
export async function pushLayoutImage(
  registry: Registry,
  from: LayoutReference,
  to: RegistryReference,
  platform: PlatformWish,
  signal?: AbortSignal,
): Promise<Digest> {
  const source = createLayoutSource(from);
  const image = await source.resolve(platform, signal);
  const pathOf = (digest: Digest): string => blobPath(from.folder, digest);
  const send = async (digest: Digest): Promise<void> => {
    const what = `Blob ${digest} of ${source.origin}`;
    const size = await measureFile(pathOf(digest), what);
    const open = (offset: number): AsyncIterable<Uint8Array> => readFileRange(pathOf(digest), { offset }, what, signal);
    await registry.pushBlob(to.registry, to.repository, { digest, size, open, signal });
  };
  for (const layer of image.layers) await send(layer.digest);
  await send(image.configDigest);
  const what = `The manifest ${image.manifestDigest} of ${source.origin}`;
  const size = await measureFile(pathOf(image.manifestDigest), what);
  const bytes = await readWhole(
    (blob) => readFileRange(pathOf(blob.digest), {}, what, signal),
    { digest: image.manifestDigest, size },
    what,
  );
  const parsed = parseManifest(bytes, undefined, what);
  if (parsed.kind !== 'image') {
    throw new OciError({ code: 'MANIFEST_INVALID', message: `${what} changed while it was read.`, hint: 'Try again.' });
  }
  const mediaType = parsed.manifest.mediaType ?? MEDIA_TYPES.ociManifest;
  return registry.pushManifest(to.registry, to.repository, {
    reference: to.tag ?? image.manifestDigest,
    mediaType,
    bytes,
    signal,
  });
}
