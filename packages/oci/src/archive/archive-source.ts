import { createHash } from 'node:crypto';
import type { Digest } from '@bowline/host';
import { digestOf, verifyStream } from '../digest.ts';
import { OciError, quoteForeignText } from '../error.ts';
import { fitsPlatform, type PlatformWish, platformMissing } from '../manifest/choose-platform.ts';
import { MAX_MANIFEST_BYTES, parseDocument } from '../manifest/parse-manifest.ts';
import { ArchiveManifest, ImageConfig } from '../manifest/schema.ts';
import { MEDIA_TYPES } from '../media-types.ts';
import { type ArchiveReference, formatImageReference } from '../reference/image-reference.ts';
import type { ImageLayer, ImageSource, ResolvedImage } from '../source/image-source.ts';
import { readFileRange } from '../source/read-file.ts';
import {
  type ArchiveIndex,
  broken,
  detectPacking,
  findMember,
  indexArchive,
  type MemberPlace,
} from './archive-index.ts';

/**
 * An image in a tar of `docker save` or `podman save`: `manifest.json` with folders per layer (also as links) or with
 * `blobs/sha256/`. Layers are read in place. Plain layers carry no digest of their own: their diff ID, from the verified
 * configuration, is it.
 */
export function createArchiveSource(reference: ArchiveReference): ImageSource {
  const origin = formatImageReference(reference);
  let opened: Promise<{ resolved: ResolvedImage; places: ReadonlyMap<Digest, MemberPlace> }> | undefined;
  const openOnce = (signal: AbortSignal | undefined) => {
    opened ??= openArchive(reference, origin, signal).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return {
    origin,
    resolve: async (platform: PlatformWish, signal) => {
      const { resolved } = await openOnce(signal);
      if (!fitsPlatform(resolved.config, platform)) throw platformMissing(origin, platform, [resolved.config]);
      return resolved;
    },
    async *openLayer(layer, signal) {
      const place = (await openOnce(signal)).places.get(layer.digest);
      if (place === undefined) throw broken(origin, `has no layer ${layer.digest}`);
      const what = `Layer ${layer.digest} of ${origin}`;
      const stream = readFileRange(reference.file, { offset: place.offset, length: place.size }, what, signal);
      yield* verifyStream(stream, { digest: layer.digest, sizeBytes: layer.size, what });
    },
  };
}

async function openArchive(reference: ArchiveReference, origin: string, signal: AbortSignal | undefined) {
  const { file } = reference;
  const index = await indexArchive(file, origin, signal);
  if (!index.has('manifest.json')) throw broken(origin, 'has no manifest.json and so is no docker archive');
  const listBytes = await readMember(file, findMember(index, 'manifest.json', origin), origin);
  const list = parseDocument(ArchiveManifest, listBytes, `The manifest.json of ${origin}`);
  const item = selectImage(list, reference.image, origin);
  const configBytes = await readMember(file, findMember(index, item.Config, origin), origin);
  const config = parseDocument(ImageConfig, configBytes, `The configuration of ${origin}`);
  const configDigest = digestOf(configBytes);
  checkImageId(item.Config, configDigest, origin);
  const diffIds = config.rootfs.diff_ids ?? [];
  if (diffIds.length !== item.Layers.length) {
    throw broken(origin, `lists ${item.Layers.length} layers, but its configuration ${diffIds.length}`);
  }
  const places = new Map<Digest, MemberPlace>();
  const layers: ImageLayer[] = [];
  for (const [position, path] of item.Layers.entries()) {
    const diffId = diffIds[position];
    if (diffId === undefined) throw broken(origin, 'lists fewer layers in its configuration');
    const layer = await describeLayer(file, index, path, diffId, origin, signal);
    layers.push(layer.layer);
    places.set(layer.layer.digest, layer.place);
  }
  return { resolved: { manifestDigest: configDigest, configDigest, config, layers }, places };
}

/** Both names hold the image ID: `<hex>.json` and `blobs/sha256/<hex>`. A file that is not what it is called was altered. */
function checkImageId(path: string, actual: Digest, origin: string): void {
  const named = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(path)?.[1];
  if (named === undefined || `sha256:${named}` === actual) return;
  throw new OciError({
    code: 'DIGEST_MISMATCH',
    message: `The configuration of ${origin} is not the one its name promises: expected sha256:${named}, got ${actual}.`,
    hint: 'The archive was altered or is damaged: export the image again.',
  });
}

async function describeLayer(
  file: string,
  index: ArchiveIndex,
  path: string,
  diffId: Digest,
  origin: string,
  signal: AbortSignal | undefined,
): Promise<{ layer: ImageLayer; place: MemberPlace }> {
  const place = findMember(index, path, origin);
  const head = await readMember(file, { ...place, size: Math.min(place.size, 8) }, origin);
  const packing = detectPacking(head);
  if (packing === undefined) {
    return { layer: { digest: diffId, size: place.size, mediaType: MEDIA_TYPES.ociLayer, diffId }, place };
  }
  if (packing !== 'gzip' && packing !== 'zstd') throw broken(origin, `has a layer packed with ${packing}`);
  const mediaType = packing === 'gzip' ? MEDIA_TYPES.ociLayerGzip : MEDIA_TYPES.ociLayerZstd;
  const hash = createHash('sha256');
  for await (const chunk of readFileRange(file, { offset: place.offset, length: place.size }, origin, signal))
    hash.update(chunk);
  return { layer: { digest: `sha256:${hash.digest('hex')}`, size: place.size, mediaType, diffId }, place };
}

function selectImage(list: ArchiveManifest, image: string | undefined, origin: string): ArchiveManifest[number] {
  const names = list.flatMap((item) => item.RepoTags ?? []);
  const known =
    names
      .slice(0, 20)
      .map((name) => quoteForeignText(name, 100))
      .join(', ') || 'one without a name';
  if (image === undefined) {
    const [only] = list;
    if (only !== undefined && list.length === 1) return only;
    throw new OciError({
      code: 'NOT_FOUND',
      message: `${origin} holds several images: ${known}.`,
      hint: 'Add the name of one: docker-archive:FILE:NAME:TAG.',
    });
  }
  const wanted = /:[^/]*$/.test(image) ? image : `${image}:latest`;
  const found = list.find((item) => item.RepoTags?.some((name) => name === wanted || stripHub(name) === wanted));
  if (found !== undefined) return found;
  throw new OciError({
    code: 'NOT_FOUND',
    message: `${origin} names an image that is not in the archive; there is: ${known}.`,
    hint: 'Use one of these names, or leave the name out when there is only one image.',
  });
}

/** podman writes the full name of Docker Hub images, docker the short one. */
function stripHub(name: string): string {
  return name.replace(/^docker\.io\/(library\/)?/, '').replace(/^localhost\//, '');
}

async function readMember(file: string, place: MemberPlace, origin: string): Promise<Uint8Array> {
  if (place.size > MAX_MANIFEST_BYTES) {
    throw new OciError({
      code: 'TOO_LARGE',
      message: `A manifest in ${origin} has ${place.size} bytes; the limit is ${MAX_MANIFEST_BYTES}.`,
      hint: 'This is hardly a container image; check the file.',
    });
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of readFileRange(file, { offset: place.offset, length: place.size }, origin))
    chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  if (bytes.length === place.size) return bytes;
  throw new OciError({
    code: 'TRUNCATED',
    message: `The archive ${origin} is shorter than its headers say.`,
    hint: 'Export the image again, and check that the disk was not full.',
  });
}
