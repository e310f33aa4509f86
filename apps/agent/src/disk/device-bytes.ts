import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { RandomRead } from '@bowline/formats';

/** No reader of a structure needs more at once; a hostile length must not fill memory. */
const MAX_READ_BYTES = 8 * 1024 * 1024;

/** Opens a device or file, hands out a reader of its bytes, and closes it whatever happens. */
export async function withDevice<T>(
  path: string,
  use: (read: RandomRead) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  // O_NONBLOCK: an optical drive without a disc, or a pipe in its place, must not make us wait.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return await use((offset, length) => {
      signal?.throwIfAborted();
      return readAt(handle, offset, length);
    });
  } finally {
    await handle.close();
  }
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(Math.min(Math.max(0, length), MAX_READ_BYTES));
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
