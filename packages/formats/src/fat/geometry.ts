import { FormatsError } from '../error.ts';

/**
 * Bytes of a sector, unless the disk's are larger: OVMF does not mount a FAT of 4096-byte sectors on a disk of 512-byte
 * sectors, and no system one of 512-byte sectors on a disk of 4096-byte sectors.
 */
const FAT_SECTOR_SIZE = 512;

/** Sectors before the first FAT: boot sector, FSInfo, their copies at 6 and 7. */
export const FAT_RESERVED_SECTORS = 32;

/** Copies of the allocation table. */
export const FAT_COPIES = 2;

/** Fewer clusters make a volume FAT16 (Microsoft FAT specification, "FAT type determination"), and firmware believes that. */
export const FAT32_MIN_CLUSTERS = 65_525;

/** Bytes of a directory entry, and the most a directory may hold. */
export const FAT_ENTRY_SIZE = 32;
export const FAT_MAX_DIRECTORY_BYTES = 65_536 * FAT_ENTRY_SIZE;

/** Where the parts of a volume lie. */
export interface FatGeometry {
  sectorBytes: number;
  totalSectors: number;
  sectorsPerCluster: number;
  clusterSizeBytes: number;
  /** Sectors of one copy of the allocation table. */
  tableSectors: number;
  /** Sector of cluster 2, the first one. */
  dataSector: number;
  clusterCount: number;
}

/** Largest volume in units of 512 bytes for each cluster size in those (Microsoft FAT specification, DskTableFAT32). */
const CLUSTER_SIZES: readonly (readonly [number, number])[] = [
  [532_480, 1],
  [16_777_216, 8],
  [33_554_432, 16],
  [67_108_864, 32],
  [0xffffffff, 64],
];
const UNIT = 512;

/**
 * Lays out a FAT32 volume.
 *
 * @throws FormatsError `FORMAT_INPUT` when the size is no multiple of the sector size, beyond 2 TiB, or so small that
 *   the volume would be FAT16 (about 32.6 MiB with sectors of 512 bytes, 260 MiB with those of 4096).
 */
export function layOutFat32(volumeSizeBytes: number, sectorBytes: number = FAT_SECTOR_SIZE): FatGeometry {
  const totalSectors = volumeSizeBytes / sectorBytes;
  const clusterUnits = CLUSTER_SIZES.find(([limit]) => volumeSizeBytes / UNIT <= limit)?.[1];
  if (!Number.isInteger(totalSectors) || totalSectors <= 0 || clusterUnits === undefined) {
    throw refuse(`a volume of ${volumeSizeBytes} bytes: it must be a multiple of ${sectorBytes} below 2 TiB`);
  }
  const sectorsPerCluster = Math.max(1, (clusterUnits * UNIT) / sectorBytes);
  // Each cluster costs its sectors and one 4-byte entry in every table; entries 0 and 1 are reserved.
  const available = totalSectors - FAT_RESERVED_SECTORS;
  let tableSectors = Math.ceil(((available / sectorsPerCluster + 2) * 4) / sectorBytes);
  const countClusters = (table: number): number => Math.floor((available - FAT_COPIES * table) / sectorsPerCluster);
  while (tableSectors > 1 && (countClusters(tableSectors - 1) + 2) * 4 <= (tableSectors - 1) * sectorBytes) {
    tableSectors -= 1;
  }
  const clusterCount = countClusters(tableSectors);
  if (clusterCount < FAT32_MIN_CLUSTERS) {
    const least = sectorBytes === FAT_SECTOR_SIZE ? 'about 32.6 MiB' : 'about 260 MiB';
    throw refuse(`a volume of ${volumeSizeBytes} bytes: FAT32 needs ${FAT32_MIN_CLUSTERS} clusters, ${least}`);
  }
  return {
    sectorBytes,
    totalSectors,
    sectorsPerCluster,
    clusterSizeBytes: sectorsPerCluster * sectorBytes,
    tableSectors,
    dataSector: FAT_RESERVED_SECTORS + FAT_COPIES * tableSectors,
    clusterCount,
  };
}

/** The error of something FAT32 cannot hold. */
export function refuse(what: string, hint?: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INPUT', message: `FAT32 cannot hold ${what}`, hint });
}
