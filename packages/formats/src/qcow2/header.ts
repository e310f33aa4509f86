import { ByteReader } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';

/** The header of a qcow2 image. */
export interface Qcow2Header {
  version: 2 | 3;
  /** Size of the disk that a machine sees. */
  virtualSizeBytes: number;
  clusterSizeBytes: number;
  /** Whether it stands on another image, so that it is not complete by itself. */
  hasBackingFile: boolean;
  isEncrypted: boolean;
  compression: 'deflate' | 'zstd';
}

/** Bytes of the file that hold all fields. */
export const QCOW2_HEADER_SIZE = 112;

const INCOMPATIBLE_COMPRESSION = 1n << 3n;

/**
 * Parses the header of a qcow2 image (QEMU, docs/interop/qcow2.txt).
 *
 * @throws FormatsError `FORMAT_INVALID`, `FORMAT_TRUNCATED`, or `FORMAT_UNSUPPORTED` for versions other than 2 and 3.
 */
export function parseQcow2Header(bytes: Uint8Array): Qcow2Header {
  const reader = new ByteReader(bytes, 'qcow2 header');
  if (reader.u32be(0) !== 0x514649fb) throw invalid('the signature is missing');
  const version = reader.u32be(4);
  if (version !== 2 && version !== 3) {
    throw new FormatsError({ code: 'FORMAT_UNSUPPORTED', message: `qcow2 header: version ${version}, not 2 or 3` });
  }
  const clusterBits = reader.u32be(20);
  if (clusterBits < 9 || clusterBits > 21) throw invalid(`clusters of 2^${clusterBits} bytes`);
  const features = version === 3 ? reader.u64be(72) : 0n;
  const isZstd = (features & INCOMPATIBLE_COMPRESSION) !== 0n && reader.u8(104) === 1;
  return {
    version,
    virtualSizeBytes: reader.size64be(24),
    clusterSizeBytes: 2 ** clusterBits,
    hasBackingFile: reader.u64be(8) !== 0n,
    isEncrypted: reader.u32be(32) !== 0,
    compression: isZstd ? 'zstd' : 'deflate',
  };
}

function invalid(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INVALID', message: `qcow2 header: ${why}` });
}
