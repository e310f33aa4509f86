import { ByteReader } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';

/** The header of a dm-verity hash area. */
export interface VeritySuperblock {
  uuid: string;
  /** 1 for every root Bowline makes; 0 is the layout of Chrome OS. */
  hashType: number;
  /** Name of the hash, for example `sha256`. */
  algorithm: string;
  dataBlockSizeBytes: number;
  hashBlockSizeBytes: number;
  /** Blocks of data that the hashes cover. */
  dataBlocks: number;
  /** Salt in hexadecimal; empty when there is none. */
  salt: string;
}

/** Bytes of the superblock; the hash tree starts at the next hash block. */
export const VERITY_SUPERBLOCK_SIZE = 512;

/**
 * Parses the superblock at the start of a hash device (cryptsetup wiki, "DMVerity", on-disk format 1).
 *
 * @throws FormatsError `FORMAT_INVALID`, `FORMAT_TRUNCATED`, or `FORMAT_UNSUPPORTED` for another version.
 */
export function parseVeritySuperblock(bytes: Uint8Array): VeritySuperblock {
  const reader = new ByteReader(bytes, 'verity superblock');
  if (reader.latin1(0, 8) !== 'verity\0\0') throw invalid('the signature is missing');
  const version = reader.u32(8);
  if (version !== 1) {
    throw new FormatsError({ code: 'FORMAT_UNSUPPORTED', message: `verity superblock: version ${version}, not 1` });
  }
  const hashType = reader.u32(12);
  const algorithm = reader.cString(32, 32);
  const dataBlockSizeBytes = reader.u32(64);
  const hashBlockSizeBytes = reader.u32(68);
  const saltSize = reader.u16(80);
  if (hashType > 1) throw invalid(`the hash type ${hashType} is unknown`);
  if (!/^[a-z0-9_-]{1,31}$/.test(algorithm)) throw invalid('the name of the hash is damaged');
  for (const size of [dataBlockSizeBytes, hashBlockSizeBytes]) {
    if (size < 512 || size > 524_288 || (size & (size - 1)) !== 0) throw invalid(`blocks of ${size} bytes`);
  }
  if (saltSize > 256) throw invalid(`a salt of ${saltSize} bytes`);
  return {
    uuid: toHex(reader.slice(16, 16)).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    hashType,
    algorithm,
    dataBlockSizeBytes,
    hashBlockSizeBytes,
    dataBlocks: reader.size64(72),
    salt: toHex(reader.slice(88, saltSize)),
  };
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function invalid(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INVALID', message: `verity superblock: ${why}` });
}
