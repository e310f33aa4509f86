import type { ChunkIndex } from '@bowline/formats';
import type { Release } from './contract.ts';
import type { FetchOptions } from './fetch-options.ts';
import { fetchRange, NoRangesError } from './fetch-range.ts';
import { type FetchRange, groupRanges, wholeRange } from './fetch-ranges.ts';

/**
 * Fetches chunks, which are in the order of the blob, several ranges at a time. A server that answers with the whole blob is
 * read once from its beginning. Throws AgentError SOURCE_UNAVAILABLE | RELEASE_DAMAGED, OciError, and what `put` throws.
 */
export async function fetchChunks(release: Release, chunks: readonly number[], options: FetchOptions): Promise<void> {
  if (chunks.length === 0) return;
  const index = await release.index();
  try {
    const [first, ...rest] = groupRanges(index, chunks);
    if (first === undefined) return;
    // Alone: it shows whether the server knows ranges at all.
    await fetchRange(release, index, first, { ...options, acceptsWhole: false });
    await fetchAll(release, index, rest, options);
  } catch (error) {
    if (!(error instanceof NoRangesError)) throw error;
    const left = chunks.filter((chunk) => !options.isDone(chunk));
    await fetchRange(release, index, wholeRange(index, left), { ...options, acceptsWhole: true });
  }
}

async function fetchAll(
  release: Release,
  index: ChunkIndex,
  ranges: readonly FetchRange[],
  options: FetchOptions,
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const queue = ranges.values();
  const failures: unknown[] = [];
  const work = async (): Promise<void> => {
    try {
      // One iterator for all: each takes the next range that nobody has.
      for (const range of queue) await fetchRange(release, index, range, { ...options, signal, acceptsWhole: false });
    } catch (error) {
      failures.push(error);
      stop.abort();
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.concurrency, ranges.length) }, work));
  options.signal.throwIfAborted();
  // The first failure is the reason; the others were stopped by it.
  if (failures.length > 0) throw failures[0];
}
