import type { RandomRead } from '@bowline/formats';
import type { FileSystemType } from './file-system-label.ts';

/** Bytes that a file system says it covers; undefined for those that are not grown here. */
export async function fileSystemSize(read: RandomRead, type: FileSystemType): Promise<number | undefined> {
  const bytes = await read(0, 4096);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4096) return undefined;
  switch (type) {
    case 'ext2':
    case 'ext3':
    case 'ext4': {
      // s_blocks_count_hi counts only with the feature 64bit (0x80 of s_feature_incompat).
      const high = view.getUint32(1024 + 96, true) & 0x80 ? view.getUint32(1024 + 0x150, true) : 0;
      const blocks = high * 2 ** 32 + view.getUint32(1024 + 4, true);
      return blocks * 1024 * 2 ** Math.min(6, view.getUint32(1024 + 24, true));
    }
    case 'xfs':
      return Number(view.getBigUint64(8, false)) * view.getUint32(4, false);
    case 'btrfs': {
      const block = await read(64 * 1024, 4096);
      if (block.length < 4096) return undefined;
      return Number(new DataView(block.buffer, block.byteOffset).getBigUint64(0x70, true));
    }
    default:
      return undefined;
  }
}
