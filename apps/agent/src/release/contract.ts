import type { ChunkIndex } from '@bowline/formats';
import type { Arch, ReleaseDocument, ReleaseInventory } from '@bowline/spec';
import type { Machine } from '../machine/machine.ts';
import type { Region } from '../slots/slots.ts';
import type { ReleaseKey } from './release-keys.ts';
import type { TransferLimits } from './transfer.ts';

/** Bytes of a blob from `start` up to, not including, `end`. */
export interface ByteRange {
  start: number;
  end: number;
}

/** Part of a blob on its way. */
export interface BlobStream {
  /** Offset in the blob of the first byte: 0 where a server knows no ranges, else what was asked for. */
  start: number;
  bytes: AsyncIterable<Uint8Array>;
}

/** A version that a machine could run: its document is verified, its blobs still lie where it was found. */
export interface Release {
  readonly machine: Machine;
  readonly limits: TransferLimits;
  readonly document: ReleaseDocument;
  /** `sha256:...` of the document: what a signature covers. */
  readonly digest: string;
  /** Where it was found, for messages; never holds credentials. */
  readonly origin: string;
  /** Key ID of the key of this machine that signed it; undefined on a machine without keys. */
  readonly signedBy: string | undefined;
  /** Sentences for people: what was accepted although it is not as it should be. */
  readonly warnings: readonly string[];
  /** What `--dry-run` compares. Throws as `uki`, and SpecError RELEASE_INVALID. */
  inventory(): Promise<ReleaseInventory>;
  /** Chunks of the root; fetched once. Throws as `uki`, and RELEASE_DAMAGED when it does not belong to the document. */
  index(): Promise<ChunkIndex>;
  /**
   * Bytes of the UKI. Size and digest are verified on the way: the stream fails before it ends when they differ.
   * Throws AgentError SOURCE_UNAVAILABLE | RELEASE_DAMAGED, OciError.
   */
  uki(): AsyncIterable<Uint8Array>;
  /** The UKI in chunks, as they lie in its own blob; undefined for a release without an index of it. */
  readonly ukiChunks: UkiChunks | undefined;
  /** systemd-boot; throws as `uki`. */
  bootLoader(): AsyncIterable<Uint8Array>;
  /** A tar of GRUB's boot.img and core.img; undefined where the architecture has no BIOS. Throws as `uki`. */
  biosLoader(): AsyncIterable<Uint8Array> | undefined;
  /** Part of the blob of chunks, not verified: each chunk has its digest in the index. */
  openChunks(range: ByteRange, signal: AbortSignal): Promise<BlobStream>;
}

/** Access to the chunks of a UKI, none of which is compressed. */
export interface UkiChunks {
  /** Throws as `Release.index`. */
  index(): Promise<ChunkIndex>;
  /** Part of the UKI, not verified. */
  open(range: ByteRange, signal: AbortSignal): Promise<BlobStream>;
}

/** How a release is looked for. */
export interface OpenReleaseOptions {
  /** Whose signatures count. Default: the keys of the running image. */
  keys?: readonly ReleaseKey[] | undefined;
  /** Default: that of the machine. */
  arch?: Arch | undefined;
  /** Registries (`host` or `host:port`) that may be asked by plain HTTP. */
  plainHttp?: readonly string[] | undefined;
  /** What tests set shorter. */
  limits?: Partial<TransferLimits> | undefined;
}

/** A root that may hold chunks of the new one. */
export interface RootBase {
  region: Region;
  index: ChunkIndex;
}

/** What a release would cost. */
export interface RootPlan {
  /** Bytes that come over the network, gaps between chunks included. */
  fetchBytes: number;
  /** Bytes of the root that this machine has already. */
  reuseBytes: number;
  rootBytes: number;
  fetchChunks: number;
  reuseChunks: number;
}

/** Where a root goes: its data, and the superblock and tree of verity. */
export interface RootTarget {
  data: Region;
  hash: Region;
}

/** How far the writing of a root is. */
export interface WriteRootProgress {
  /** `write`: copied and fetched; `verify`: read back from disk; `repair`: chunks written again that were not what they should. */
  phase: 'write' | 'verify' | 'repair';
  doneBytes: number;
  totalBytes: number;
  /** Bytes that came over the network so far. */
  fetchedBytes: number;
}

/** How a root is written. */
export interface WriteRootOptions {
  bases: readonly RootBase[];
  /** Name of the slot that is written: an interrupted run continues by its journal. None is kept without one. */
  journal?: string | undefined;
  /** Bytes per second over the network. */
  limit?: number | undefined;
  progress?: ((event: WriteRootProgress) => void) | undefined;
  /** After so many bytes what was written is made durable, and the journal says so. Default 64 MiB. */
  stepBytes?: number | undefined;
  /** Requests at a time. Default 3. */
  concurrency?: number | undefined;
}

/** A root that is on disk, whole and durable. */
export interface WrittenRoot {
  rootHash: string;
  fetchedBytes: number;
  reusedBytes: number;
  /** Bytes that lay in the target already, from a run that was interrupted or an older version. */
  keptBytes: number;
  /** False when the disk could only be read through the cache of the kernel. */
  readFromDisk: boolean;
}
