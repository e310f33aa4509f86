import { ByteReader } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';

/** The header of a squashfs image. */
export interface SquashfsSuperblock {
  /** For example `4.0`. */
  version: string;
  compression: 'gzip' | 'lzma' | 'lzo' | 'xz' | 'lz4' | 'zstd';
  blockSizeBytes: number;
  inodeCount: number;
  fragmentCount: number;
  /** Bytes of the image without padding behind it. */
  bytesUsed: number;
  /** When it was made, in seconds since the epoch. */
  createdSeconds: number;
}

const COMPRESSIONS = ['gzip', 'lzma', 'lzo', 'xz', 'lz4', 'zstd'] as const;

/** Bytes of the superblock. */
export const SQUASHFS_SUPERBLOCK_SIZE = 96;

/**
 * Parses the superblock at the start of a squashfs image (Linux, Documentation/filesystems/squashfs.rst and
 * fs/squashfs/squashfs_fs.h).
 *
 * @throws FormatsError `FORMAT_INVALID`, `FORMAT_TRUNCATED`, or `FORMAT_UNSUPPORTED` for versions other than 4.
 */
export function parseSquashfsSuperblock(bytes: Uint8Array): SquashfsSuperblock {
  const reader = new ByteReader(bytes, 'squashfs superblock');
  if (reader.latin1(0, 4) !== 'hsqs') throw invalid('the signature is missing');
  const major = reader.u16(28);
  if (major !== 4) {
    throw new FormatsError({ code: 'FORMAT_UNSUPPORTED', message: `squashfs superblock: version ${major}, not 4` });
  }
  const blockSizeBytes = reader.u32(12);
  if (blockSizeBytes !== 2 ** reader.u16(22) || blockSizeBytes < 4096 || blockSizeBytes > 1_048_576) {
    throw invalid(`blocks of ${blockSizeBytes} bytes`);
  }
  const compression = COMPRESSIONS[reader.u16(20) - 1];
  if (!compression) throw invalid(`the compression ${reader.u16(20)} is unknown`);
  const bytesUsed = reader.size64(40);
  if (bytesUsed < SQUASHFS_SUPERBLOCK_SIZE) throw invalid(`a size of ${bytesUsed} bytes`);
  return {
    version: `${major}.${reader.u16(30)}`,
    compression,
    blockSizeBytes,
    inodeCount: reader.u32(4),
    fragmentCount: reader.u32(16),
    bytesUsed,
    createdSeconds: reader.u32(8),
  };
}

function invalid(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INVALID', message: `squashfs superblock: ${why}` });
}
