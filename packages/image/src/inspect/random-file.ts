import { type FileHandle, open } from 'node:fs/promises';
import { ImageError } from '../error.ts';

/** Bytes that can be read anywhere: a file, a disk inside a file, a partition of it. */
export interface RandomBytes {
  sizeBytes: number;
  /** Exactly `length` bytes from `offset`. Throws ImageError IMAGE_UNREADABLE beyond the end. */
  read: (offset: number, length: number) => Promise<Uint8Array>;
}

/** Opens a file for the time of `use`. */
export async function withRandomFile<T>(path: string, use: (bytes: RandomBytes) => Promise<T>): Promise<T> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const read = async (offset: number, length: number) => {
      // Before memory is taken: a hostile table must not be able to ask for all of it.
      if (!(offset >= 0 && length >= 0 && offset + length <= size)) throw beyondEnd(path, offset, length);
      return await readExactly(file, path, offset, length);
    };
    return await use({ sizeBytes: size, read });
  } finally {
    await file.close();
  }
}

/** A part of other bytes, such as a partition. */
export function sliceBytes(whole: RandomBytes, offset: number, sizeBytes: number): RandomBytes {
  return {
    sizeBytes,
    read: async (at, length) => {
      if (!(at >= 0 && length >= 0 && at + length <= sizeBytes)) throw beyondEnd('the partition', at, length);
      return await whole.read(offset + at, length);
    },
  };
}

async function readExactly(file: FileHandle, path: string, offset: number, length: number): Promise<Uint8Array> {
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
