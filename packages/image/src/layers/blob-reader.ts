import { open } from 'node:fs/promises';

/** Bytes of one read: large enough that system calls do not count, small enough for memory. */
const READ_BYTES = 2 ** 20;

/** Reads a file in order. The buffer is used again: a chunk is valid until the next one is asked for. */
export async function* readBlobChunks(path: string): AsyncGenerator<Uint8Array> {
  const handle = await open(path, 'r');
  try {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, READ_BYTES, null);
      if (bytesRead === 0) return;
      yield bytesRead === READ_BYTES ? buffer : buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
