import type { BlobStore, Digest, Host, TaskProgress } from '@bowline/host';
import type { OutputKind } from '@bowline/spec';
import type { MergedTree } from '../compose/merged-tree.ts';
import type { KernelTree } from '../initrd/kernel-modules.ts';
import type { ReleaseKey } from '../release/release-key.ts';
import type { SealedImage } from '../seal/sealed-image.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';

/** A file whose digest is known from writing it, so that it need not be read again. */
export interface HashedFile {
  path: string;
  sizeBytes: number;
  sha256: Digest;
}

/** What an output gets to work with. */
export interface OutputContext {
  image: SealedImage;
  host: Host;
  toolbox: () => Promise<Toolbox>;
  /** Private folder on the same file system as the results: move results out of it, it is removed afterwards. */
  scratch: string;
  /** A finished sparse disk image, written once however many outputs want it. Never changed by an output. */
  disk: () => Promise<HashedFile>;
  /** The composed root, for outputs that are not made of the squashfs. */
  tree: () => Promise<MergedTree>;
  /** The kernel with its modules. */
  kernel: () => Promise<KernelTree>;
  store: BlobStore;
  /** What a release is signed with; without one it is not signed. */
  releaseKey: ReleaseKey | undefined;
  progress: TaskProgress;
  signal: AbortSignal;
}

/** One kind of artefact. Everything in `scratch/<name>` that `write` returns becomes part of the build. */
export interface Output {
  kind: OutputKind;
  /** For people: "Disk image". */
  title: string;
  /** Why this image cannot have this output, or undefined. */
  refuse?: (image: SealedImage) => string | undefined;
  /** Writes files below `scratch` and returns their paths relative to it, in a stable order; with digests where known. */
  write: (context: OutputContext) => Promise<(string | HashedFile)[]>;
}

/** Stem of every artefact's file name. */
export function artefactStem(image: SealedImage): string {
  return `${image.name}-${image.version}-${image.arch}`;
}
