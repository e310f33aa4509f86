import { type FileHandle, open } from 'node:fs/promises';
import { ImageError } from '../error.ts';

/** Bytes that can be read anywhere: a file, a disk inside a file, a partition of it. */
export interface RandomBytes {
  sizeBytes: number;
  /** Exactly `length` bytes from `offset`. Throws ImageError IMAGE_UNREADABLE beyond the end. */
  read: (offset: number, length: number) => Promise<Uint8Array>;
}

/** Most that is ever read at once, so that a hostile table cannot ask for all memory. */
const MAX_READ_BYTES = 64 * 2 ** 20;

/** Opens a file for the time of `use`. */
export async function withRandomFile<T>(path: string, use: (bytes: RandomBytes) => Promise<T>): Promise<T> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    return await use({ sizeBytes: size, read: (offset, length) => readExactly(file, path, offset, length) });
  } finally {
    await file.close();
  }
}

/** A part of other bytes, such as a partition. */
export function sliceBytes(whole: RandomBytes, offset: number, sizeBytes: number): RandomBytes {
  return {
    sizeBytes,
    read: async (at, length) => {
      if (at < 0 || at + length > sizeBytes) throw beyondEnd('the partition', at, length);
      return await whole.read(offset + at, length);
    },
  };
}

async function readExactly(file: FileHandle, path: string, offset: number, length: number): Promise<Uint8Array> {
  if (!Number.isSafeInteger(offset) || offset < 0 || length < 0 || length > MAX_READ_BYTES) {
    throw beyondEnd(path, offset, length);
  }
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) throw beyondEnd(path, offset, length);
    done += bytesRead;
  }
  return bytes;
}

function beyondEnd(what: string, offset: number, length: number): ImageError {
  return new ImageError({
    code: 'IMAGE_UNREADABLE',
    message: `${what} is damaged or cut short: there are no ${length} bytes at ${offset}`,
  });
}
