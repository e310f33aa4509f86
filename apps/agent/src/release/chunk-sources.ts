import type { ChunkIndex } from '@bowline/formats';
import { digestKey } from './chunk-digests.ts';
import type { RootBase } from './contract.ts';

/** Chunks that lie one behind the other in a base and in the new root: one read, one write. */
export interface CopyRun {
  base: RootBase;
  baseOffset: number;
  firstChunk: number;
  chunks: number;
  lengthBytes: number;
}

/** Where every chunk of a root comes from. */
export interface ChunkSources {
  /** Chunks that are in their place already. */
  kept: number[];
  copies: CopyRun[];
  /** Chunks that must come over the network, in the order of the blob; of equal ones the first. */
  fetches: number[];
  /** For chunks of `fetches`: others with the same content. */
  repeats: Map<number, number[]>;
}

/** A run is read into memory at once. */
export const COPY_BYTES = 2 ** 20;

/** Finds each chunk: in its place (`isKept`), in the first base that has it, or nowhere. */
export function findChunkSources(
  index: ChunkIndex,
  bases: readonly RootBase[],
  isKept: (chunk: number) => boolean,
): ChunkSources {
  const known = indexBases(bases);
  const sources: ChunkSources = { kept: [], copies: [], fetches: [], repeats: new Map() };
  const firstOf = new Map<string, number>();
  for (let chunk = 0; chunk < index.count; chunk++) {
    if (isKept(chunk)) {
      sources.kept.push(chunk);
      continue;
    }
    const key = digestKey(index, chunk);
    const place = known.get(key);
    if (place !== undefined && place.base.index.lengths[place.chunk] === index.lengths[chunk]) {
      addCopy(sources.copies, index, chunk, place.base, place.base.index.offsets[place.chunk] as number);
      continue;
    }
    const first = firstOf.get(key);
    if (first === undefined) {
      firstOf.set(key, chunk);
      sources.fetches.push(chunk);
    } else {
      sources.repeats.set(first, [...(sources.repeats.get(first) ?? []), chunk]);
    }
  }
  return sources;
}

function indexBases(bases: readonly RootBase[]): Map<string, { base: RootBase; chunk: number }> {
  const known = new Map<string, { base: RootBase; chunk: number }>();
  for (const base of bases) {
    for (let chunk = 0; chunk < base.index.count; chunk++) {
      const key = digestKey(base.index, chunk);
      if (!known.has(key)) known.set(key, { base, chunk });
    }
  }
  return known;
}

function addCopy(copies: CopyRun[], index: ChunkIndex, chunk: number, base: RootBase, baseOffset: number): void {
  const lengthBytes = index.lengths[chunk] as number;
  const last = copies.at(-1);
  const continues =
    last !== undefined &&
    last.base === base &&
    last.firstChunk + last.chunks === chunk &&
    last.baseOffset + last.lengthBytes === baseOffset &&
    last.lengthBytes + lengthBytes <= COPY_BYTES;
  if (continues) {
    last.chunks += 1;
    last.lengthBytes += lengthBytes;
  } else {
    copies.push({ base, baseOffset, firstChunk: chunk, chunks: 1, lengthBytes });
  }
}
