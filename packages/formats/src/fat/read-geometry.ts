import { ByteReader } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';
import type { RandomRead, VolumeRun } from '../volume.ts';
import { FAT32_MIN_CLUSTERS } from './geometry.ts';

export type FatType = 'fat12' | 'fat16' | 'fat32';

/** What the boot sector of a volume says, checked. */
export interface FatVolumeGeometry {
  type: FatType;
  volumeSizeBytes: number;
  /** Bytes of a cluster. */
  clusterSize: number;
  clusterCount: number;
  /** Byte of the first table, and of cluster 2. */
  tableOffset: number;
  dataOffset: number;
  /** Cluster of the root directory; on FAT12 and FAT16 it has a place of its own. */
  root: number | VolumeRun;
  volumeId: number;
  /** `NO NAME` when there is none; the root directory may know another. */
  label: string;
}

const BOOT_SECTOR_BYTES = 512;
/** Sectors of disks. */
const SECTOR_SIZES = [512, 4096];
const FAT16_MIN_CLUSTERS = 4085;

/**
 * Reads the boot sector; the number of clusters alone decides the type (Microsoft FAT specification, "FAT type
 * determination").
 *
 * @throws FormatsError `FORMAT_INVALID`, `FORMAT_TRUNCATED`, or `FORMAT_UNSUPPORTED` for sectors of another size than 512 and 4096.
 */
export async function readFatGeometry(read: RandomRead): Promise<FatVolumeGeometry> {
  const boot = new ByteReader(await read(0, BOOT_SECTOR_BYTES), 'FAT boot sector');
  if (boot.u16(510) !== 0xaa55) throw invalid('the boot sector has no signature');
  const sectorBytes = boot.u16(11);
  if (!SECTOR_SIZES.includes(sectorBytes)) {
    const message = `FAT volume: its sectors have ${sectorBytes} bytes, not 512 or 4096`;
    throw new FormatsError({ code: 'FORMAT_UNSUPPORTED', message });
  }
  const sectorsPerCluster = boot.u8(13);
  const isPowerOfTwo = sectorsPerCluster > 0 && (sectorsPerCluster & (sectorsPerCluster - 1)) === 0;
  if (!isPowerOfTwo) throw invalid(`a cluster of ${sectorsPerCluster} sectors`);
  const hasLargeFields = boot.u16(22) === 0;
  const tableSectors = hasLargeFields ? boot.u32(36) : boot.u16(22);
  const totalSectors = boot.u16(19) === 0 ? boot.u32(32) : boot.u16(19);
  const reservedSectors = boot.u16(14);
  const rootEntries = boot.u16(17);
  const rootSector = reservedSectors + boot.u8(16) * tableSectors;
  const dataSector = rootSector + Math.ceil((rootEntries * 32) / sectorBytes);
  const clusterCount = Math.floor((totalSectors - dataSector) / sectorsPerCluster);
  if (clusterCount < 1 || tableSectors === 0 || reservedSectors === 0 || boot.u8(16) === 0) {
    throw invalid('its sizes contradict each other');
  }
  const type = clusterCount < FAT16_MIN_CLUSTERS ? 'fat12' : clusterCount < FAT32_MIN_CLUSTERS ? 'fat16' : 'fat32';
  const isLarge = type === 'fat32';
  const entryBytes = { fat12: 1.5, fat16: 2, fat32: 4 }[type];
  if ((clusterCount + 2) * entryBytes > tableSectors * sectorBytes)
    throw invalid('its table is too small for its clusters');
  if (isLarge ? rootEntries !== 0 || !hasLargeFields : rootEntries === 0) {
    // Formatters can be told to make a FAT32 with fewer clusters than drivers accept as one.
    if (!isLarge && hasLargeFields) {
      const message = 'FAT volume: it has so few clusters that drivers take it for FAT16';
      throw new FormatsError({ code: 'FORMAT_UNSUPPORTED', message });
    }
    throw invalid('its root directory has no place');
  }
  return {
    type,
    volumeSizeBytes: totalSectors * sectorBytes,
    clusterSize: sectorsPerCluster * sectorBytes,
    clusterCount,
    tableOffset: reservedSectors * sectorBytes,
    dataOffset: dataSector * sectorBytes,
    root: isLarge ? boot.u32(44) : { offset: rootSector * sectorBytes, length: rootEntries * 32 },
    volumeId: boot.u32(isLarge ? 67 : 39),
    label: boot.latin1(isLarge ? 71 : 43, 11).trimEnd(),
  };
}

function invalid(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INVALID', message: `FAT volume: ${why}` });
}
