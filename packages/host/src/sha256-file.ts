import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Digest } from './blob-store.ts';
import { abortedError } from './error.ts';

const CHUNK_BYTES = 2 ** 20;

/** Reads a file in order, in chunks whose buffer is used again: copy what must outlive the next chunk. */
export async function* readChunks(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const handle = await open(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (;;) {
      if (signal?.aborted) throw abortedError(`reading ${path}`, signal);
      const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** sha256 and size of a file, in one read. Throws HostError ABORTED. */
export async function sha256File(
  path: string,
  options: { signal?: AbortSignal | undefined; onBytes?: ((doneBytes: number) => void) | undefined } = {},
): Promise<{ digest: Digest; sizeBytes: number }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of readChunks(path, options.signal)) {
    hash.update(chunk);
    sizeBytes += chunk.length;
    options.onBytes?.(sizeBytes);
  }
  return { digest: `sha256:${hash.digest('hex')}`, sizeBytes };
}
