import type { Digest } from '@bowline/host';
import { OciError } from '../error.ts';
import { compressionOf } from '../media-types.ts';
import type { ImageLayer, ResolvedImage } from '../source/image-source.ts';
import { choosePlatforms, fitsPlatform, type PlatformWish, platformMissing } from './choose-platform.ts';
import { type ParsedManifest, parseDocument } from './parse-manifest.ts';
import { type Descriptor, ImageConfig, type ImageManifest, type Platform } from './schema.ts';

/** A manifest whose bytes were verified against its digest. */
export interface FetchedManifest {
  digest: Digest;
  parsed: ParsedManifest;
}

/** Access by digest to the place an image lies; both must verify what they return. */
export interface ContentReader {
  readManifest(descriptor: Descriptor): Promise<FetchedManifest>;
  /** Whole small blob, at most 4 MiB. */
  readConfig(descriptor: Descriptor): Promise<Uint8Array>;
}

/** Indexes inside indexes: how deep, and how many manifests in all. */
const MAX_DEPTH = 4;
const MAX_MANIFESTS = 64;

/**
 * Walks from a manifest or index to the one image for the platform: nested indexes are followed, everything by digest.
 * Throws PLATFORM_MISSING with the platforms that exist, MANIFEST_INVALID for what is no container image.
 */
export async function resolveImage(
  root: FetchedManifest,
  reader: ContentReader,
  wish: PlatformWish,
  where: string,
): Promise<ResolvedImage> {
  const walk: Walk = { reader, wish, where, seen: [], visited: 0 };
  const found = await visit(root, walk, 0);
  if (found === undefined) throw platformMissing(where, wish, walk.seen);
  return found;
}

interface Walk {
  reader: ContentReader;
  wish: PlatformWish;
  where: string;
  seen: (Platform | undefined)[];
  visited: number;
}

async function visit(node: FetchedManifest, walk: Walk, depth: number): Promise<ResolvedImage | undefined> {
  walk.visited += 1;
  if (depth > MAX_DEPTH || walk.visited > MAX_MANIFESTS) {
    throw invalid(walk.where, `nests more than ${MAX_DEPTH} indexes or ${MAX_MANIFESTS} manifests`);
  }
  if (node.parsed.kind === 'image') return readImage(node.digest, node.parsed.manifest, walk);
  const entries = node.parsed.index.manifests;
  const chosen = choosePlatforms(entries, walk.wish);
  // Entries without a platform (layout folders, nested indexes) can only be judged by what they point to.
  const unnamed = entries.filter((entry) => entry.platform === undefined && entry.artifactType === undefined);
  for (const entry of [...chosen, ...unnamed]) {
    const child = await walk.reader.readManifest(entry);
    const image = await visit(child, walk, depth + 1);
    if (image !== undefined) return image;
  }
  walk.seen.push(...entries.map((entry) => entry.platform));
  return undefined;
}

async function readImage(digest: Digest, manifest: ImageManifest, walk: Walk): Promise<ResolvedImage | undefined> {
  const { where } = walk;
  const configType = manifest.config.mediaType;
  if (!/^application\/vnd\.(oci\.image\.config|docker\.container\.image)\.v1\+json$/.test(configType)) {
    throw invalid(where, `is no container image (its configuration is of type ${JSON.stringify(configType)})`);
  }
  const bytes = await walk.reader.readConfig(manifest.config);
  const config = parseDocument(ImageConfig, bytes, `The configuration of ${where}`);
  if (!fitsPlatform(config, walk.wish)) {
    walk.seen.push({ os: config.os, architecture: config.architecture, variant: config.variant });
    return undefined;
  }
  const diffIds = config.rootfs.diff_ids ?? [];
  if (diffIds.length !== manifest.layers.length) {
    throw invalid(where, `lists ${manifest.layers.length} layers, but its configuration ${diffIds.length}`);
  }
  const layers = manifest.layers.map((layer, index): ImageLayer => {
    const diffId = diffIds[index];
    if (diffId === undefined || compressionOf(layer.mediaType) === undefined) throw unreadableLayer(where, layer);
    return { digest: layer.digest, size: layer.size, mediaType: layer.mediaType, diffId };
  });
  return { manifestDigest: digest, configDigest: manifest.config.digest, config, layers };
}

function unreadableLayer(where: string, layer: Descriptor): OciError {
  const type = JSON.stringify(layer.mediaType);
  if (layer.mediaType.includes('encrypted')) return invalid(where, `has an encrypted layer (${type})`);
  if (/foreign|nondistributable/.test(layer.mediaType)) {
    return invalid(where, `has a layer that lies outside of the registry (${type})`);
  }
  return invalid(where, `has a layer of the unknown type ${type}; known are tar, gzip and zstd`);
}

function invalid(where: string, why: string): OciError {
  return new OciError({
    code: 'MANIFEST_INVALID',
    message: `${where} ${why}.`,
    hint: 'Check that the reference names an ordinary Linux container image.',
  });
}
