import type { BlobStream, ByteRange } from './contract.ts';

/** A blob by digest and size; both come from something that is verified. */
export interface BlobWish {
  /** `sha256:...` */
  digest: string;
  sizeBytes: number;
}

/** A manifest or an index as it lies there. */
export interface RawDocument {
  bytes: Uint8Array;
  mediaType: string | undefined;
}

/** Port for places releases come from: a registry, a folder, a web server. Failures are PassingFailure, or they last. */
export interface ReleasePlace {
  /** For messages, without credentials. */
  readonly origin: string;
  /** Where anybody on the way could change what is sent. */
  readonly isPlainHttp: boolean;
  /** Name of the wanted entry of an index, when one was given. */
  readonly tag: string | undefined;
  /** What the reference names: an index or a manifest. */
  root(signal: AbortSignal): Promise<RawDocument>;
  /** Where manifests that an index names lie: beside the blobs, but not in a registry. Verified by the caller. */
  manifest(wish: BlobWish, signal: AbortSignal): Promise<Uint8Array>;
  /** Part of a blob, not verified. A stream may end early, or start at 0 although asked to start later. */
  open(wish: BlobWish, range: ByteRange, signal: AbortSignal): Promise<BlobStream>;
}
