import { alignUp } from '../byte-reader.ts';
import type { SectorBytes } from '../gpt/table.ts';
import { encodeBootRegion } from './boot-region.ts';
import { encodeDirectory, encodeDosTime } from './directory.ts';
import { FAT_COPIES, FAT_RESERVED_SECTORS, type FatGeometry, layOutFat32, refuse } from './geometry.ts';
import { buildTree, type DirectoryNode, type FatFile, walkTree } from './tree.ts';

/** A volume to plan. */
export interface FatVolume {
  files: readonly FatFile[];
  /** Directories to make besides those above the files, for example `EFI/Linux`. */
  directories?: readonly string[];
  /** A multiple of the sector size; at least {@link measureFat32} of the files. */
  volumeSizeBytes: number;
  /** Logical sectors of the disk; 512 unless given. */
  sectorBytes?: SectorBytes;
  /** Serial number of the volume, 32 bits. */
  volumeId: number;
  /** At most 11 characters: A to Z, 0 to 9, space, `_` and `-`. */
  label?: string;
  /** Time of every entry, in seconds since the epoch, written as UTC. 1980 to 2107. */
  epochSeconds: number;
  /** First sector of the partition on its disk, for code that boots from it; 0 when left out. */
  hiddenSectors?: number;
}

/** Bytes of the volume that are not zero: given here, or the content of the input file at `path`, whole. */
export type FatExtent =
  | { offset: number; length: number; bytes: Uint8Array }
  | { offset: number; length: number; path: string };

/** A planned volume. Write the extents into a zeroed region (or a sparse file) of `volumeSizeBytes`. */
export interface FatPlan {
  volumeSizeBytes: number;
  clusterSizeBytes: number;
  /** In order of their offsets, without overlaps. Empty files have none. */
  extents: FatExtent[];
}

const END_OF_CHAIN = 0x0fff_ffff;
const FIRST_CLUSTER = 2;
const MIB = 1024 * 1024;

/**
 * Plans a FAT32 volume (Microsoft FAT specification 1.03) with long file names. Every file is one run of clusters, so
 * that it can be copied by range, and the result depends on the input only, not on its order.
 *
 * @throws FormatsError `FORMAT_INPUT` when something does not fit or a name is forbidden.
 */
export function planFat32(volume: FatVolume): FatPlan {
  const { volumeSizeBytes, label } = volume;
  const geometry = layOutFat32(volumeSizeBytes, volume.sectorBytes);
  checkVolumeFields(volume);
  const time = encodeDosTime(volume.epochSeconds);
  const root = buildTree(volume.files, volume.directories ?? [], label !== undefined);
  const table = placeNodes(root, geometry);
  const usedClusters = table.length / 4 - FIRST_CLUSTER;

  const extents: FatExtent[] = [
    extentOf(0, encodeBootRegion(geometry, { ...volume, rootCluster: root.cluster, usedClusters })),
  ];
  for (let copy = 0; copy < FAT_COPIES; copy++) {
    extents.push(extentOf((FAT_RESERVED_SECTORS + copy * geometry.tableSectors) * geometry.sectorBytes, table));
  }
  const parents = new Map<DirectoryNode, DirectoryNode>();
  for (const node of walkTree(root)) {
    const offset = offsetOfCluster(geometry, node.cluster);
    if (node.type === 'file') {
      if (node.sizeBytes > 0) extents.push({ offset, length: node.sizeBytes, path: node.path });
      continue;
    }
    for (const child of node.children) if (child.type === 'directory') parents.set(child, node);
    extents.push(extentOf(offset, encodeDirectory(node, { parent: parents.get(node), root, label, time })));
  }
  extents.sort((a, b) => a.offset - b.offset);
  return { volumeSizeBytes, clusterSizeBytes: geometry.clusterSizeBytes, extents };
}

/** The size of the smallest volume, a multiple of 1 MiB, that holds the files and leaves `freeBytes` for later. */
export function measureFat32(volume: Pick<FatVolume, 'files' | 'directories' | 'label'>, freeBytes = 0): number {
  const root = buildTree(volume.files, volume.directories ?? [], volume.label !== undefined);
  const nodes = [...walkTree(root)];
  const contentBytes = nodes.reduce((sum, node) => sum + node.sizeBytes, freeBytes);
  for (let size = Math.max(33 * MIB, alignUp(contentBytes, MIB)); ; size += MIB) {
    const { clusterSizeBytes, clusterCount } = layOutFat32(size);
    const needed = nodes.reduce((sum, node) => sum + Math.ceil(node.sizeBytes / clusterSizeBytes), 0);
    if (needed + Math.ceil(freeBytes / clusterSizeBytes) <= clusterCount) return size;
  }
}

function checkVolumeFields({ volumeId, label, hiddenSectors = 0 }: FatVolume): void {
  for (const number of [volumeId, hiddenSectors]) {
    if (!Number.isInteger(number) || number < 0 || number > 0xffffffff) {
      throw refuse(`${number} as volume id or first sector: 32 bits fit`);
    }
  }
  if (label !== undefined && !/^[A-Z0-9_-][A-Z0-9 _-]{0,10}$/.test(label)) {
    throw refuse(`the label ${JSON.stringify(label)}: 1 to 11 of A-Z, 0-9, space, _ and - fit`);
  }
}

/** Gives every node its clusters, one run each, in tree order; returns the used part of the allocation table. */
function placeNodes(root: DirectoryNode, geometry: FatGeometry): Uint8Array {
  const runs: number[] = [];
  let next = FIRST_CLUSTER;
  for (const node of walkTree(root)) {
    const count = Math.ceil(node.sizeBytes / geometry.clusterSizeBytes);
    if (count === 0) continue;
    node.cluster = next;
    next += count;
    runs.push(next - 1);
  }
  const used = next - FIRST_CLUSTER;
  if (used > geometry.clusterCount) {
    throw refuse(
      `${used * geometry.clusterSizeBytes} bytes of content: the volume has room for ` +
        `${geometry.clusterCount * geometry.clusterSizeBytes} bytes`,
      'Make the volume larger or put less into it.',
    );
  }
  const table = new Uint8Array(next * 4);
  const view = new DataView(table.buffer);
  view.setUint32(0, 0x0fff_fff8, true);
  view.setUint32(4, END_OF_CHAIN, true);
  for (let cluster = FIRST_CLUSTER; cluster < next; cluster++) view.setUint32(cluster * 4, cluster + 1, true);
  for (const last of runs) view.setUint32(last * 4, END_OF_CHAIN, true);
  return table;
}

function offsetOfCluster(geometry: FatGeometry, cluster: number): number {
  return geometry.dataSector * geometry.sectorBytes + (cluster - FIRST_CLUSTER) * geometry.clusterSizeBytes;
}

function extentOf(offset: number, bytes: Uint8Array): FatExtent {
  return { offset, length: bytes.length, bytes };
}
