import type { Digest } from '@bowline/host';
import type { PlatformWish } from '../manifest/choose-platform.ts';
import type { ImageConfig } from '../manifest/schema.ts';

/** One layer of an image, as it lies at the source. */
export interface ImageLayer {
  /** Digest of the blob as stored (compressed or not). */
  digest: Digest;
  /** Bytes of the blob as stored. */
  size: number;
  mediaType: string;
  /** Digest of the uncompressed tar, from the image configuration; whoever unpacks must verify it. */
  diffId: Digest;
}

/** An image of one platform, resolved to digests: nothing that is fetched later can change it. */
export interface ResolvedImage {
  /** Digest of the image manifest. A docker-archive has none: there it is the digest of the configuration (the image ID). */
  manifestDigest: Digest;
  configDigest: Digest;
  config: ImageConfig;
  /** Lowest layer first. */
  layers: readonly ImageLayer[];
}

/** Port for places images come from: registry, OCI layout folder, docker-archive. */
export interface ImageSource {
  /** Where it is, for messages: `registry.example.org/base:4.2`. Never holds credentials. */
  readonly origin: string;
  /**
   * Finds the image for a Linux machine. A tag is looked up once per source object: later calls (other architectures) see the
   * same index. Throws OciError NOT_FOUND, PLATFORM_MISSING, MANIFEST_INVALID, DIGEST_MISMATCH, TOO_LARGE and, from a
   * registry, REGISTRY_UNREACHABLE, UNAUTHORIZED, RATE_LIMITED, PLAIN_HTTP_REFUSED.
   */
  resolve(platform: PlatformWish, signal?: AbortSignal): Promise<ResolvedImage>;
  /**
   * Bytes of a layer as stored. Size and digest are verified on the way: the stream fails (DIGEST_MISMATCH, TRUNCATED) before it
   * ends when they differ, so a consumer must not use anything before the end.
   */
  openLayer(layer: ImageLayer, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}
