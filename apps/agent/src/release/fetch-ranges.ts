import type { ChunkIndex } from '@bowline/formats';
import type { ByteRange } from './contract.ts';

/** One request: part of the blob of chunks, and the chunks of it that are wanted. */
export interface FetchRange extends ByteRange {
  /** In the order of the blob. */
  chunks: number[];
}

/** Unwanted bytes between two wanted chunks that cost less than another request. */
const MAX_GAP_BYTES = 16 * 2 ** 10;
/** Longest request: short enough that several share the work, and that little is lost when one fails. */
const MAX_RANGE_BYTES = 4 * 2 ** 20;

/** Groups chunks, which are in the order of the blob, into requests. */
export function groupRanges(index: ChunkIndex, chunks: readonly number[]): FetchRange[] {
  const ranges: FetchRange[] = [];
  for (const chunk of chunks) {
    const start = index.storedOffsets[chunk] as number;
    const end = start + (index.storedLengths[chunk] as number);
    const last = ranges.at(-1);
    if (last !== undefined && start - last.end <= MAX_GAP_BYTES && end - last.start <= MAX_RANGE_BYTES) {
      last.end = end;
      last.chunks.push(chunk);
    } else {
      ranges.push({ start, end, chunks: [chunk] });
    }
  }
  return ranges;
}

/** All chunks in one request, for servers that know no ranges. */
export function wholeRange(index: ChunkIndex, chunks: readonly number[]): FetchRange {
  const [first = 0, last = 0] = [chunks[0], chunks.at(-1)];
  const end = (index.storedOffsets[last] as number) + (index.storedLengths[last] as number);
  return { start: index.storedOffsets[first] as number, end, chunks: [...chunks] };
}
