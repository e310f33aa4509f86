import { alignUp } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';
import type { CpioEntry } from './entry.ts';
import { type CpioOptions, encodeHeader, encodeTrailer, orderEntries } from './write.ts';

/** A file too large for memory: only its size is known here. */
export interface CpioLargeFile {
  /** Path below the root. */
  path: string;
  mode: number;
  sizeBytes: number;
}

/** Bytes of the archive: given here, or the content of the input file at `path`, whole. What lies between is zero. */
export type CpioExtent =
  | { offset: number; length: number; bytes: Uint8Array }
  | { offset: number; length: number; path: string };

/** A planned archive. */
export interface CpioPlan {
  sizeBytes: number;
  extents: CpioExtent[];
}

/** The format holds sizes in 32 bits (kernel Documentation/driver-api/early-userspace/buffer-format.rst). */
const MAX_FILE_BYTES = 0xffffffff;

/**
 * Plans an initramfs archive of large files: the same bytes as writeCpio would give, without the files in memory.
 *
 * @throws FormatsError `FORMAT_INPUT` for a bad path or a file of 4 GiB or more.
 */
export function planCpio(files: readonly CpioLargeFile[], options: CpioOptions): CpioPlan {
  const sizes = new Map(files.map((file) => [file.path, file.sizeBytes]));
  const none = new Uint8Array(0);
  const entries = orderEntries(files.map(({ path, mode }): CpioEntry => ({ type: 'file', path, mode, data: none })));
  const extents: CpioExtent[] = [];
  let offset = 0;
  entries.forEach((entry, index) => {
    const size = sizes.get(entry.path) ?? 0;
    if (size > MAX_FILE_BYTES) {
      throw new FormatsError({
        code: 'FORMAT_INPUT',
        message: `${entry.path} has ${size} bytes; a cpio archive holds files below 4 GiB`,
      });
    }
    const header = encodeHeader(entry, index + 1, size, options.mtimeSeconds);
    extents.push({ offset, length: header.length, bytes: header });
    offset += header.length;
    if (size > 0) extents.push({ offset, length: size, path: entry.path });
    offset = alignUp(offset + size, 4);
  });
  const trailer = encodeTrailer(offset);
  extents.push({ offset, length: trailer.length, bytes: trailer });
  return { sizeBytes: offset + trailer.length, extents };
}
