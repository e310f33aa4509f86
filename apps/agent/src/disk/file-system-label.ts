import { FormatsError, type RandomRead, readFat, readFatGeometry, readIsoLabel } from '@bowline/formats';

/** File systems whose superblock is known here. */
export type FileSystemType = 'iso9660' | 'vfat' | 'ext2' | 'ext3' | 'ext4' | 'xfs' | 'btrfs' | 'swap' | 'luks';

/** What the superblock of a volume says. */
export interface FileSystemFound {
  type: FileSystemType;
  /** '' when it has none. */
  label: string;
}

const PROBE_BYTES = 4096;
const BTRFS_SUPERBLOCK = 64 * 1024;
/** Features of ext (s_feature_compat, s_feature_incompat) by which the three differ. */
const EXT = { hasJournal: 0x4, extents: 0x40 } as const;

/**
 * Tells the file system of a volume and its label from its superblock; undefined when it is none of those known. Broken
 * superblocks count as unknown; only errors of reading are thrown.
 */
export async function probeFileSystem(read: RandomRead): Promise<FileSystemFound | undefined> {
  const head = await read(0, PROBE_BYTES);
  const text = (at: number, length: number): string => latin1(head.subarray(at, at + length));
  const label = (at: number, length: number): string => utf8(head.subarray(at, at + length));
  if (text(0, 4) === 'XFSB') return { type: 'xfs', label: label(108, 12) };
  if (text(0, 6) === 'LUKS\xba\xbe') return { type: 'luks', label: '' };
  if (text(4086, 10) === 'SWAPSPACE2') return { type: 'swap', label: label(1052, 16) };
  if (head[1080] === 0x53 && head[1081] === 0xef) {
    const hasExtents = ((head[1120] ?? 0) & EXT.extents) !== 0;
    const hasJournal = ((head[1116] ?? 0) & EXT.hasJournal) !== 0;
    return { type: hasExtents ? 'ext4' : hasJournal ? 'ext3' : 'ext2', label: label(1144, 16) };
  }
  return (await probeFat(read, head)) ?? (await probeBtrfs(read)) ?? probeIso(read);
}

async function probeFat(read: RandomRead, head: Uint8Array): Promise<FileSystemFound | undefined> {
  // A boot sector of a disk (MBR) has the same signature; a volume of FAT begins with a jump as well.
  if (head[510] !== 0x55 || head[511] !== 0xaa || (head[0] !== 0xeb && head[0] !== 0xe9)) return undefined;
  return orUnknown(async () => {
    const geometry = await readFatGeometry(read);
    // The label of the root directory counts; some formatters write only that one.
    const label = geometry.label === 'NO NAME' || geometry.label === '' ? (await readFat(read)).label : geometry.label;
    return { type: 'vfat', label: label === 'NO NAME' ? '' : label };
  });
}

async function probeBtrfs(read: RandomRead): Promise<FileSystemFound | undefined> {
  const block = await read(BTRFS_SUPERBLOCK, PROBE_BYTES);
  if (latin1(block.subarray(0x40, 0x48)) !== '_BHRfS_M') return undefined;
  return { type: 'btrfs', label: utf8(block.subarray(0x12b, 0x12b + 256)) };
}

function probeIso(read: RandomRead): Promise<FileSystemFound | undefined> {
  return orUnknown(async () => ({ type: 'iso9660', label: await readIsoLabel(read) }));
}

async function orUnknown(probe: () => Promise<FileSystemFound>): Promise<FileSystemFound | undefined> {
  try {
    return await probe();
  } catch (error) {
    if (error instanceof FormatsError) return undefined;
    throw error;
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function utf8(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
}
