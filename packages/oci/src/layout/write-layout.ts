import type { Digest } from '@bowline/host';
import { MEDIA_TYPES } from '../media-types.ts';
import { type LayoutFolder, makeLayoutFolder } from './layout-folder.ts';

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
export function writeOciLayout(request: LayoutImage): Promise<WrittenLayout> {
  const { architecture, variant } = request.image;
  const platform = { os: 'linux', architecture, ...(variant === undefined ? {} : { variant }) };
  const fill = async (layout: LayoutFolder) => {
    const { manifest, ...written } = await addImage(layout, request);
    const entry = { mediaType: MEDIA_TYPES.ociManifest, ...manifest, platform, tag: request.tag };
    return { entries: [entry], result: { manifestDigest: manifest.digest, ...written } };
  };
  return makeLayoutFolder(request.folder, fill, request.signal);
}

async function addImage(layout: LayoutFolder, request: LayoutImage) {
  const layers: WrittenLayout['layers'][number][] = [];
  for (const layer of request.layers) {
    request.signal?.throwIfAborted();
    const stored = await layout.addBlob(layer.open(), layer.digest);
    const diffId = typeof layer.diffId === 'function' ? layer.diffId() : layer.diffId;
    layers.push({ ...stored, mediaType: layer.mediaType, diffId });
  }
  const config = await layout.addJson({
    ...request.image,
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
  });
  const manifest = await layout.addJson({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: { mediaType: MEDIA_TYPES.ociConfig, ...config },
    layers: layers.map(({ digest, size, mediaType }) => ({ mediaType, digest, size })),
    ...(request.annotations === undefined ? {} : { annotations: request.annotations }),
  });
  return { manifest, configDigest: config.digest, layers };
}
