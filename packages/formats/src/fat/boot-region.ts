import { encodeLatin1 } from '../tar/byte-path.ts';
import { FAT_COPIES, FAT_RESERVED_SECTORS, type FatGeometry } from './geometry.ts';

/** What the boot sector says besides the geometry. */
export interface BootFields {
  volumeId: number;
  label?: string;
  hiddenSectors?: number;
  rootCluster: number;
  /** Clusters in use, from cluster 2 on without gaps. */
  usedClusters: number;
}

const FSINFO_SECTOR = 1;
const BACKUP_SECTOR = 6;

/** Boot sector and FSInfo with their copies: the sectors from 0 to 7. */
export function encodeBootRegion(geometry: FatGeometry, fields: BootFields): Uint8Array {
  const { sectorBytes } = geometry;
  const region = new Uint8Array((BACKUP_SECTOR + 2) * sectorBytes);
  const bootSector = encodeBootSector(geometry, fields);
  const fsInfo = encodeFsInfo(geometry, fields);
  for (const start of [0, BACKUP_SECTOR]) {
    region.set(bootSector, start * sectorBytes);
    region.set(fsInfo, (start + FSINFO_SECTOR) * sectorBytes);
  }
  return region;
}

function encodeBootSector(geometry: FatGeometry, fields: BootFields): Uint8Array {
  const sector = new Uint8Array(geometry.sectorBytes);
  const view = new DataView(sector.buffer);
  sector.set([0xeb, 0x58, 0x90]);
  // The name that the specification recommends, because some drivers expect it.
  sector.set(encodeLatin1('MSWIN4.1'), 3);
  view.setUint16(11, geometry.sectorBytes, true);
  view.setUint8(13, geometry.sectorsPerCluster);
  view.setUint16(14, FAT_RESERVED_SECTORS, true);
  view.setUint8(16, FAT_COPIES);
  view.setUint8(21, 0xf8);
  view.setUint16(24, 63, true);
  view.setUint16(26, 255, true);
  view.setUint32(28, fields.hiddenSectors ?? 0, true);
  view.setUint32(32, geometry.totalSectors, true);
  view.setUint32(36, geometry.tableSectors, true);
  view.setUint32(44, fields.rootCluster, true);
  view.setUint16(48, FSINFO_SECTOR, true);
  view.setUint16(50, BACKUP_SECTOR, true);
  view.setUint8(64, 0x80);
  view.setUint8(66, 0x29);
  view.setUint32(67, fields.volumeId, true);
  sector.set(encodeLatin1((fields.label ?? 'NO NAME').padEnd(11)), 71);
  sector.set(encodeLatin1('FAT32   '), 82);
  // Not bootable by a BIOS: `int 0x18` hands over to the next device, then the machine waits.
  sector.set([0xcd, 0x18, 0xf4, 0xeb, 0xfd], 90);
  sector.set([0x55, 0xaa], 510);
  return sector;
}

function encodeFsInfo(geometry: FatGeometry, { usedClusters }: BootFields): Uint8Array {
  const sector = new Uint8Array(geometry.sectorBytes);
  const view = new DataView(sector.buffer);
  view.setUint32(0, 0x4161_5252, true);
  view.setUint32(484, 0x6141_7272, true);
  const free = geometry.clusterCount - usedClusters;
  view.setUint32(488, free, true);
  view.setUint32(492, free > 0 ? usedClusters + 2 : 0xffffffff, true);
  view.setUint32(508, 0xaa55_0000, true);
  return sector;
}
