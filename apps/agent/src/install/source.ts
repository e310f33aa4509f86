import type { GrubImages } from '@bowline/formats';
import type { BlockWriter } from '../slots/block-writer.ts';
import type { PlannedSystem } from './plan.ts';

/** A file of the source. */
export interface SourceFile {
  sizeBytes: number;
  /** `sha256:...` where the source says it; what was written is compared with it. */
  sha256: string | undefined;
  open(): AsyncIterable<Uint8Array>;
}

/** A place on the target disk. */
export interface DiskPlace {
  offsetBytes: number;
  sizeBytes: number;
}

/** Where the root goes. */
export interface RootTarget {
  /** The disk as this process opens it, and as it is open already. */
  file: string;
  writer: BlockWriter;
  data: DiskPlace;
  hash: DiskPlace;
}

/** How the writing of the root is followed. */
export interface WriteRootWatch {
  onBytes: (doneBytes: number) => void;
  signal: AbortSignal;
}

/** What is installed: the medium of the live system, or a release. */
export interface InstallSource {
  system: PlannedSystem;
  /** Size of a slot, and whether the disk gets a recovery pair at its first start. */
  slotBytes: number;
  recovery: boolean;
  /** Bytes of the verity superblock and tree. */
  verityBytes: number;
  uki: SourceFile & { sha256: string };
  bootLoader: SourceFile;
  /** GRUB's boot.img and core.img; undefined where the image starts by UEFI only. */
  biosLoader(): Promise<GrubImages | undefined>;
  /** For people: what was accepted although it is not as it should be. */
  warnings: readonly string[];
  /** True when `writeRoot` computed the root hash from what the disk gave back. */
  verifiesRoot: boolean;
  /** Writes root and verity tree; durable on return. */
  writeRoot(target: RootTarget, watch: WriteRootWatch): Promise<void>;
}
