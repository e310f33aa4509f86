import type { BlobStore, Digest, Host, TaskProgress } from '@bowline/host';
import type { ImageSource } from '@bowline/oci';
import type { Arch, LockedSource } from '@bowline/spec';
import type { Toolbox } from '../toolbox/toolbox.ts';

/** An uncompressed layer tar in the content store. */
export interface LayerRef {
  diffId: Digest;
  /** Bytes of the uncompressed tar. */
  size: number;
  /** For messages: where it came from. */
  origin: string;
}

/** The image sources of one resolution: every architecture sees the same index of a tag, also when the tag moves meanwhile. */
export type OpenImages = Map<string, ImageSource>;

/** What a source adapter gets to work with. */
export interface ResolveContext {
  host: Host;
  store: BlobStore;
  arch: Arch;
  /** Folder of the bowl: relative paths start here. */
  bowlFolder: string;
  /** Folders of the bowls it extends: paths may lead there too. */
  extendedFolders?: readonly string[];
  /** Private scratch folder, removed by the caller on every path. */
  scratch: string;
  /** No network: only the store may answer. */
  offline: boolean;
  /** The pin from bowl.lock; when its `request` matches, the result must equal it or fail (SOURCE_CHANGED). */
  locked: LockedSource | undefined;
  /** Ignore the pin and look again (`--update`). */
  update: boolean;
  limits: LayerLimits;
  /** Registry hosts for which plain HTTP was asked for. */
  plainHttpRegistries: readonly string[];
  /** Images opened so far, by reference: a tag is looked up once. */
  openImages?: OpenImages;
  /** The toolbox, prepared on first use. */
  toolbox: () => Promise<Toolbox>;
  /** sha256 of a file beside the bowl; may remember files that did not change. */
  hashFile: (file: string) => Promise<Digest>;
  progress: TaskProgress;
  signal: AbortSignal;
}

/** Bounds on hostile layers; each is named in the message that refuses. */
export interface LayerLimits {
  /** Entries of one layer. */
  maxEntries: number;
  /** Uncompressed bytes of one layer. */
  maxLayerBytes: number;
  /** Uncompressed to compressed ratio, beyond the first 64 MiB. */
  maxRatio: number;
}

export const DEFAULT_LAYER_LIMITS: LayerLimits = { maxEntries: 2_000_000, maxLayerBytes: 64 * 2 ** 30, maxRatio: 1000 };

/** A resolved source: the pin for the lock, and its layers in the store, lowest first. */
export interface ResolvedSource {
  lock: LockedSource;
  layers: readonly LayerRef[];
}
