import { promisify } from 'node:util';
import { constants, gzip, zstdCompress } from 'node:zlib';
import { type CpioEntry, writeCpio } from '@bowline/formats';
import { SOURCE_EPOCH } from '@bowline/os-layout';

/** How an initramfs archive is packed. */
export type InitrdCompression = 'zstd' | 'gzip';

const ZSTD_LEVEL = 6;
const GZIP_LEVEL = 6;
/** Archives follow one another; the kernel looks for the next one at multiples of 4 bytes. */
const ALIGNMENT = 4;

const packZstd = promisify(zstdCompress);
const packGzip = promisify(gzip);

/** Kernels unpack zstd since 5.9 (commit a30d8a39f057); vendors' older ones get gzip. */
export function initrdCompression(kernelVersion: string): InitrdCompression {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(kernelVersion) ?? [];
  return Number(major) > 5 || (Number(major) === 5 && Number(minor) >= 9) ? 'zstd' : 'gzip';
}

/** A compressed archive, padded so that another one can follow. Equal entries give equal bytes. */
export async function packArchive(
  entries: readonly CpioEntry[],
  compression: InitrdCompression,
): Promise<Uint8Array<ArrayBuffer>> {
  const archive = writeCpio(entries, { mtimeSeconds: SOURCE_EPOCH });
  const packed =
    compression === 'zstd'
      ? await packZstd(archive, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } })
      : await packGzip(archive, { level: GZIP_LEVEL });
  const padded = new Uint8Array(Math.ceil(packed.length / ALIGNMENT) * ALIGNMENT);
  padded.set(packed);
  return padded;
}
