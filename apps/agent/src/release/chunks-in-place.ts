import type { ChunkIndex } from '@bowline/formats';
import { digestKey } from './chunk-digests.ts';

/** Chunks of a root that an older one has at the same place; `isThere` says which of the older one's can be counted on. */
export function chunksInPlace(
  index: ChunkIndex,
  old: ChunkIndex,
  isThere: (oldChunk: number) => boolean = () => true,
): Set<number> {
  const places = new Map<number, number>();
  for (let chunk = 0; chunk < old.count; chunk++) {
    if (isThere(chunk)) places.set(old.offsets[chunk] as number, chunk);
  }
  const kept = new Set<number>();
  for (let chunk = 0; chunk < index.count; chunk++) {
    const there = places.get(index.offsets[chunk] as number);
    const isSame = there !== undefined && old.lengths[there] === index.lengths[chunk];
    if (isSame && digestKey(old, there) === digestKey(index, chunk)) kept.add(chunk);
  }
  return kept;
}
