import { type FileHandle, open } from 'node:fs/promises';
import { HostError } from './error.ts';

const CHUNK_BYTES = 2 ** 20;
const BLOCK_BYTES = 4096;
const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);

/** What to copy: bytes of a file, from an offset to its end unless a length is given. */
export interface CopySource {
  path: string;
  offsetBytes?: number;
  lengthBytes?: number;
}

type WriteChunk = (chunk: Buffer, toOffset: number) => Promise<void>;

/**
 * Copies bytes into an open file at an offset, in bounded memory; returns how many. Blocks of zeros are left out, so the
 * target stays sparse. INVARIANT: the target range must read as zeros before (a new file, or one made longer by truncate).
 * Throws HostError FILE_TOO_SHORT when the source has fewer bytes than `lengthBytes`.
 */
export async function copySparse(from: CopySource, to: FileHandle, toOffset: number): Promise<number> {
  return copyWith(from, toOffset, async (chunk, offset) => {
    for (const [start, end] of dataRuns(chunk)) await writeAll(to, chunk.subarray(start, end), offset + start);
  });
}

async function copyWith(from: CopySource, toOffset: number, write: WriteChunk): Promise<number> {
  const source = await open(from.path, 'r');
  try {
    const start = from.offsetBytes ?? 0;
    const length = from.lengthBytes ?? Math.max(0, (await source.stat()).size - start);
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await source.read(buffer, 0, Math.min(CHUNK_BYTES, length - done), start + done);
      if (bytesRead === 0) throw tooShort(from.path, start + length, start + done);
      await write(buffer.subarray(0, bytesRead), toOffset + done);
      done += bytesRead;
    }
    return done;
  } finally {
    await source.close();
  }
}

/** Runs of a chunk that hold anything but zeros, in whole blocks. */
function* dataRuns(chunk: Buffer): Generator<[start: number, end: number]> {
  let start = -1;
  for (let at = 0; at < chunk.length; at += BLOCK_BYTES) {
    const block = chunk.subarray(at, at + BLOCK_BYTES);
    const isZero = block.equals(block.length === BLOCK_BYTES ? ZERO_BLOCK : ZERO_BLOCK.subarray(0, block.length));
    if (!isZero && start < 0) start = at;
    if (isZero && start >= 0) {
      yield [start, at];
      start = -1;
    }
  }
  if (start >= 0) yield [start, chunk.length];
}

async function writeAll(to: FileHandle, chunk: Uint8Array, offset: number): Promise<void> {
  let done = 0;
  while (done < chunk.length) {
    done += (await to.write(chunk, done, chunk.length - done, offset + done)).bytesWritten;
  }
}

/** A source that ends before the bytes that were asked of it. */
export function tooShort(path: string, wantedBytes: number, actualBytes: number): HostError {
  return new HostError({
    code: 'FILE_TOO_SHORT',
    message: `${path} ends at byte ${actualBytes}, but ${wantedBytes} are needed`,
    details: { path, wantedBytes, actualBytes },
  });
}
