import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { OciError } from '../error.ts';

const CHUNK_BYTES = 2 ** 20;

/**
 * Bytes of a regular file from an offset. Ends early when the file does: whoever reads verifies the length. Throws NOT_FOUND when it
 * is missing or no regular file (a pipe would block for ever).
 */
export async function* readFileRange(
  path: string,
  range: { offset?: number; length?: number },
  what: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const handle = await openFile(path, what);
  try {
    let position = range.offset ?? 0;
    let left = range.length ?? Number.POSITIVE_INFINITY;
    while (left > 0) {
      signal?.throwIfAborted();
      const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, left));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** Size in bytes of a regular file; throws NOT_FOUND as `readFileRange`. */
export async function measureFile(path: string, what: string): Promise<number> {
  const handle = await openFile(path, what);
  try {
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}

async function openFile(path: string, what: string) {
  // O_NONBLOCK: opening a pipe without a writer would wait for ever.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    const code = (cause as NodeJS.ErrnoException).code;
    const why =
      code === 'ENOENT' || code === 'ENOTDIR' ? 'is missing' : code === 'EACCES' ? 'may not be read' : 'cannot be read';
    throw new OciError({
      code: 'NOT_FOUND',
      message: `${what} ${why} (${path}).`,
      hint: 'Check the path and its permissions, or export the image again.',
      cause,
    });
  });
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new OciError({
    code: 'NOT_FOUND',
    message: `${what} is no regular file (${path}).`,
    hint: 'Check the path: oci: takes a folder, docker-archive: a file.',
  });
}
