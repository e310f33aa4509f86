import { FormatsError } from '../error.ts';
import { displayPath } from './byte-path.ts';
import { readNumber, TAR_BLOCK } from './header.ts';
import type { PaxRecords } from './pax.ts';

/** Data runs of a sparse file, as [logical offset, length]. */
export type SparseRuns = (readonly [number, number])[];

/** Most data runs of one file; GNU tar stays far below. */
export const MAX_SPARSE_RUNS = 1_000_000;

/** The sparse keys of PAX headers of GNU tar ("Storing Sparse Files", GNU tar manual D.2), all three versions. */
export interface PaxSparse {
  /** Real name; only versions 0.1 and 1.0 replace it. */
  name: string | undefined;
  size: number | undefined;
  /** Runs of versions 0.0 and 0.1; undefined for 1.0, whose map precedes the data. */
  runs: SparseRuns | undefined;
}

/**
 * Collects the sparse keys of a PAX header, or undefined when the file is not sparse.
 *
 * @throws FormatsError FORMAT_INVALID
 */
export function readPaxSparse(records: PaxRecords): PaxSparse | undefined {
  const values = new Map<string, string>();
  const runs: [number, number][] = [];
  let seen = false;
  for (const [key, value] of records) {
    if (!key.startsWith('GNU.sparse.')) continue;
    seen = true;
    values.set(key.slice(11), value);
    if (key === 'GNU.sparse.offset') runs.push([decimal(value), 0]);
    const last = runs.at(-1);
    if (key === 'GNU.sparse.numbytes' && last !== undefined) last[1] = decimal(value);
  }
  if (!seen) return undefined;
  const size = values.get('realsize') ?? values.get('size');
  const name = values.get('name');
  const major = values.get('major');
  const map = values.get('map');
  const sparse: PaxSparse = { name, size: size === undefined ? undefined : decimal(size), runs };
  if (major !== undefined) {
    if (major !== '1' || values.get('minor') !== '0') {
      throw new FormatsError({
        code: 'FORMAT_UNSUPPORTED',
        message: `tar: sparse format ${major}.${values.get('minor') ?? '?'} is not known`,
      });
    }
    return { ...sparse, runs: undefined };
  }
  if (map !== undefined) {
    const numbers = map === '' ? [] : map.split(',').map(decimal);
    if (numbers.length % 2 !== 0) throw invalidMap('it has an odd count of numbers');
    return { ...sparse, runs: pairs(numbers) };
  }
  return sparse;
}

/** Reads the runs of an old GNU sparse header ('S') or of one of its extension blocks, and whether another block follows. */
export function readOldGnuRuns(
  block: Uint8Array,
  at: number,
  part: 'header' | 'extension',
  archiveOffset: number,
): { runs: SparseRuns; extended: boolean } {
  const first = at + (part === 'header' ? 386 : 0);
  const count = part === 'header' ? 4 : 21;
  const where = `at byte ${archiveOffset}`;
  const runs: [number, number][] = [];
  for (let index = 0; index < count; index++) {
    const field = first + index * 24;
    if (block[field] === 0 && block[field + 12] === 0) break;
    runs.push([
      readNumber(block, field, 12, 'sparse offset', where),
      readNumber(block, field + 12, 12, 'sparse length', where),
    ]);
  }
  return { runs, extended: block[first + count * 24] !== 0 };
}

/** Incremental reader of the map that precedes the data of a version 1.0 sparse file: lines of decimal numbers. */
export class SparseMapReader {
  readonly #numbers: number[] = [];
  #digits = 0;
  #value = 0;

  /** Takes one block; returns the runs when the map is complete. */
  push(block: Uint8Array, at: number): SparseRuns | undefined {
    for (let index = at; index < at + TAR_BLOCK; index++) {
      const byte = block[index] as number;
      if (byte === 10 && this.#digits > 0) {
        this.#numbers.push(this.#value);
        const count = this.#numbers[0] as number;
        if (count > MAX_SPARSE_RUNS) throw tooManyRuns();
        if (this.#numbers.length === 1 + count * 2) return pairs(this.#numbers.slice(1));
        this.#digits = 0;
        this.#value = 0;
        continue;
      }
      if (byte < 48 || byte > 57 || this.#digits >= 16) throw invalidMap('it holds something else than numbers');
      this.#digits++;
      this.#value = this.#value * 10 + (byte - 48);
    }
    return undefined;
  }
}

/**
 * Checks that runs rise, do not overlap, end within the file and are exactly what is stored; empty runs are left out.
 *
 * @throws FormatsError FORMAT_INVALID naming the file
 */
export function checkSparseRuns(path: string, runs: SparseRuns, size: number, storedSize: number): SparseRuns {
  if (runs.length > MAX_SPARSE_RUNS) throw tooManyRuns();
  const kept: (readonly [number, number])[] = [];
  let end = 0;
  let total = 0;
  for (const run of runs) {
    const [offset, length] = run;
    if (offset < end || length < 0 || offset + length > size) {
      throw invalidMap(`a run of "${displayPath(path)}" overlaps another or leaves the file`);
    }
    end = offset + length;
    total += length;
    if (length > 0) kept.push(run);
  }
  if (total !== storedSize) {
    throw invalidMap(`the runs of "${displayPath(path)}" are ${total} bytes but ${storedSize} are stored`);
  }
  return kept;
}

function pairs(numbers: readonly number[]): SparseRuns {
  const runs: [number, number][] = [];
  for (let index = 0; index + 1 < numbers.length; index += 2) {
    runs.push([numbers[index] as number, numbers[index + 1] as number]);
  }
  return runs;
}

function decimal(value: string): number {
  if (!/^\d{1,16}$/.test(value)) throw invalidMap('it holds something else than numbers');
  return Number(value);
}

function tooManyRuns(): FormatsError {
  return new FormatsError({
    code: 'FORMAT_LIMIT',
    message: `tar: a sparse file has more than ${MAX_SPARSE_RUNS} data runs`,
  });
}

function invalidMap(why: string): FormatsError {
  return new FormatsError({
    code: 'FORMAT_INVALID',
    message: `tar: a sparse map is wrong: ${why}`,
    hint: 'The archive is damaged.',
  });
}
