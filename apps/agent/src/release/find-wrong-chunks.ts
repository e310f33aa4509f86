import { createHash } from 'node:crypto';
import type { ChunkIndex } from '@bowline/formats';
import type { Region } from '../slots/slots.ts';
import { digestKey } from './chunk-digests.ts';
import { DirectReader } from './direct-reader.ts';

const SLICE_BYTES = 2 ** 20;
const BLOCK = 4096;

/** The chunks whose bytes on the disk are not what the index says. Throws AgentError WRITE_FAILED. */
export async function findWrongChunks(region: Region, index: ChunkIndex, signal: AbortSignal): Promise<number[]> {
  const wrong: number[] = [];
  const reader = await DirectReader.open(region, SLICE_BYTES);
  const size = Math.ceil(index.rootBytes / BLOCK) * BLOCK;
  try {
    let chunk = 0;
    let left = index.lengths[0] as number;
    let hash = createHash('sha256');
    for (let at = 0; at < size; at += SLICE_BYTES) {
      signal.throwIfAborted();
      const slice = await reader.read(at, Math.min(SLICE_BYTES, size - at));
      for (let used = 0; used < slice.length && chunk < index.count; ) {
        const part = slice.subarray(used, used + left);
        hash.update(part);
        used += part.length;
        left -= part.length;
        if (left > 0) continue;
        if (hash.digest('latin1') !== digestKey(index, chunk)) wrong.push(chunk);
        chunk += 1;
        left = index.lengths[chunk] ?? 0;
        hash = createHash('sha256');
      }
    }
    return wrong;
  } finally {
    await reader.close();
  }
}
