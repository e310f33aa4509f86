import type { SectorBytes } from '@bowline/formats';

/** A place for one version of the system. */
export type SlotName = 'a' | 'b' | 'recovery';

/** Bytes of a block device, or of a file that stands for one. */
export interface Region {
  /** As this process opens it. */
  path: string;
  offsetBytes: number;
  sizeBytes: number;
}

/** Two partitions: the root, and the tree of hashes over it. */
export interface Slot {
  name: SlotName;
  data: Region;
  hash: Region;
  /** Numbers of the partitions in the table. */
  numbers: { data: number; hash: number };
  /**
   * The root hash the unique GUIDs of the partitions stand for; undefined when they stand for none. What the partitions
   * hold is another matter: a slot that was never written has GUIDs too, and no boot entry names them.
   */
  rootHash: string | undefined;
}

/** The disk the machine started from. */
export interface SystemDisk {
  /** The whole disk. */
  device: Region;
  /** As the machine names it: `/dev/vda`. */
  path: string;
  /** Logical sectors. */
  sectorBytes: SectorBytes;
  /** A and B, and recovery where the disk has one. */
  slots: readonly Slot[];
  /** Slot of the root that is mounted; undefined when the machine runs from a medium or the network. */
  running: SlotName | undefined;
  /** As the machine names it: `/dev/vda1`. */
  espDevice: string;
  esp: Region;
}

/** GPT names of the partitions of a slot (`diskLayout` of os-layout). */
export const SLOT_LABELS: Readonly<Record<SlotName, { data: string; hash: string }>> = {
  a: { data: 'root-a', hash: 'root-a-verity' },
  b: { data: 'root-b', hash: 'root-b-verity' },
  recovery: { data: 'recovery', hash: 'recovery-verity' },
};

/** What people call a slot. */
export function slotTitle(name: SlotName): string {
  return name === 'recovery' ? 'the recovery slot' : `slot ${name.toUpperCase()}`;
}
