import type { Guid } from './guid.ts';

/**
 * Partition types (UEFI 2.10, table 5.7, and the Discoverable Partitions Specification, which calls a 64-bit Intel
 * machine x86-64 and a 64-bit Arm machine arm64).
 */
export const PARTITION_TYPE = {
  esp: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  extendedBoot: 'bc13c2ff-59e6-4262-a352-b275fd6f7172',
  biosBoot: '21686148-6449-6e6f-744e-656564454649',
  linuxGeneric: '0fc63daf-8483-4772-8e79-3d69d8477de4',
  root: {
    amd64: '4f68bce3-e8cd-4db1-96e7-fbcaf984b709',
    arm64: 'b921b045-1df0-41c3-af44-4c6f280d3fae',
  },
  rootVerity: {
    amd64: '2c7357ed-ebd2-46d9-aec1-23d437ec2bf5',
    arm64: 'df3300ce-d69f-4c92-978c-9bfb0f38d820',
  },
  rootVeritySignature: {
    amd64: '41092b05-9fc8-4523-994f-2def0408b176',
    arm64: '6db69de6-29f4-4758-a7a5-962190f00ce3',
  },
} as const satisfies Record<string, Guid | Record<'amd64' | 'arm64', Guid>>;

/** Bit numbers of the attributes (UEFI 2.10, table 5.8; Discoverable Partitions Specification, "Partition Attribute Flags"). */
export const PARTITION_ATTRIBUTE_BIT = {
  required: 0,
  'legacy-bios-bootable': 2,
  'grow-file-system': 59,
  'read-only': 60,
  'no-auto': 63,
} as const;

export type PartitionAttribute = keyof typeof PARTITION_ATTRIBUTE_BIT;

/** One partition of a GPT. */
export interface GptPartition {
  /** What it is for; see {@link PARTITION_TYPE}. */
  typeGuid: Guid;
  /** Its own identity (PARTUUID). */
  partGuid: Guid;
  /** PARTLABEL, at most 36 UTF-16 units. */
  name: string;
  /** First sector. */
  startLba: number;
  /** A multiple of the sector size. */
  sizeBytes: number;
  attributes?: readonly PartitionAttribute[];
}

/** Bytes of a sector, unless a disk says otherwise. */
export const GPT_SECTOR_SIZE = 512;

/** Bytes of the logical sectors of disks: 4096 are found on large disks and on NVMe. */
export type SectorBytes = 512 | 4096;

/** Bytes between partition starts. The first partition may start there too. */
export const GPT_ALIGNMENT_BYTES = 2 ** 20;

/** Sectors of the primary structures on a disk of 512-byte sectors: protective MBR, header, 128 entries of 128 bytes. */
export const GPT_PRIMARY_SECTORS = 34;

/** Sectors of the backup at the end of such a disk: entries, then header. */
export const GPT_BACKUP_SECTORS = 33;

/** Entries in a table, and bytes of each. */
export const GPT_ENTRY_COUNT = 128;
export const GPT_ENTRY_SIZE = 128;

/** Bytes of the header that its checksum covers. */
export const GPT_HEADER_SIZE = 92;
