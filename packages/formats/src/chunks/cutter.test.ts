import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkCutter, chunkSizes } from './cutter.ts';

const AVERAGE = 4096;

/** Bytes that look random and follow from a seed. */
function noise(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed | 1;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state >>> 8;
  }
  return bytes;
}

/** Lengths of the chunks when the data arrives in pieces of these sizes. */
function cut(data: Uint8Array, pieces: readonly number[] = [data.length], average = AVERAGE): number[] {
  const cutter = new ChunkCutter(average);
  const lengths: number[] = [];
  let start = 0;
  let turn = 0;
  for (let at = 0; at < data.length; ) {
    const piece = data.subarray(at, at + (pieces[turn++ % pieces.length] as number));
    for (let from = 0; from < piece.length; ) {
      const end = cutter.next(piece, from);
      if (end < 0) break;
      lengths.push(at + end - start);
      start = at + end;
      from = end;
    }
    at += piece.length;
  }
  expect(cutter.pendingBytes).toBe(data.length - start);
  if (cutter.pendingBytes > 0) lengths.push(cutter.pendingBytes);
  return lengths;
}

describe('content-defined chunks', () => {
  it('are cut alike however the bytes arrive', () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 60_000 }), pieces, (seed, length, sizes) => {
        const data = noise(seed, length);
        expect(cut(data, sizes)).toEqual(cut(data));
      }),
    );
  });

  it('cover the data and keep to their sizes, also where nothing differs', () => {
    const { minBytes, maxBytes } = chunkSizes(AVERAGE);
    const zeros = fc.nat(100_000).map((length) => new Uint8Array(length));
    const random = fc.tuple(fc.nat(), fc.nat(100_000)).map(([seed, length]) => noise(seed, length));
    fc.assert(
      fc.property(fc.oneof(zeros, random), (data) => {
        const lengths = cut(data);
        expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(data.length);
        for (const length of lengths) expect(length).toBeLessThanOrEqual(maxBytes);
        for (const length of lengths.slice(0, -1)) expect(length).toBeGreaterThan(minBytes);
      }),
      { numRuns: 50 },
    );
  });

  it('have the average that was asked for, within a tenth', () => {
    const lengths = cut(noise(7, 16 * 2 ** 20), undefined, 16_384);
    const average = (16 * 2 ** 20) / lengths.length;
    expect(average / 16_384).toBeGreaterThan(0.9);
    expect(average / 16_384).toBeLessThan(1.1);
  });

  it('come back after bytes were put in: only the neighbourhood is new', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(400_000), fc.integer({ min: 1, max: 5000 }), (seed, at, extra) => {
        const data = noise(seed, 500_000);
        const changed = new Uint8Array(data.length + extra);
        changed.set(data.subarray(0, at));
        changed.set(noise(seed + 1, extra), at);
        changed.set(data.subarray(at), at + extra);
        const ends = (all: Uint8Array) => {
          let sum = 0;
          return cut(all).map((length) => (sum += length));
        };
        const known = new Set(ends(data));
        const kept = ends(changed).filter((end) => known.has(end > at ? end - extra : end));
        // A cut is missed until both sequences meet again; how long that takes is up to chance, and short.
        expect(kept.length).toBeGreaterThan(known.size - 30);
      }),
      { numRuns: 30 },
    );
  });

  it('fall on the same places for ever: they are part of the format', () => {
    expect(cut(noise(1, 40_000))).toEqual([
      4279, 4286, 3628, 3510, 3101, 3183, 3128, 3365, 3644, 3050, 3105, 1054, 667,
    ]);
  });

  it.each([0, 1000, 5000, 2 ** 21, Number.NaN])('cannot have an average of %d', (average) => {
    expect(() => new ChunkCutter(average)).toThrow(expect.objectContaining({ code: 'FORMAT_INPUT' }));
  });
});
