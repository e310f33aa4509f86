import { createHash, hash } from 'node:crypto';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ChunkCutter, type ChunkIndex } from '@bowline/formats';
import { digestKey, isChunk } from './chunk-digests.ts';
import type { Release } from './contract.ts';
import { fetchChunks } from './fetch-chunks.ts';
import { RateLimit } from './rate-limit.ts';
import { damaged } from './read-blob.ts';

/** What may be missing of a UKI: it is held in memory. More means another kernel, and then all of it is as good as new. */
const MAX_MISSING_BYTES = 16 * 2 ** 20;
const READ_BYTES = 2 ** 20;

/** How a UKI is put together. */
export interface AssembleOptions {
  /** Bytes per second over the network. */
  limit?: number | undefined;
  /** Bytes that came over the network. */
  onBytes?: ((bytes: number) => void) | undefined;
}

/** Where a chunk lies on this machine. */
interface ChunkPlace {
  path: string;
  offset: number;
}

/**
 * Bytes of the UKI of a release; what other UKIs in a folder have of it (kernel and initrd mostly stay) is taken from there. All
 * is verified as by `release.uki()`: chunk by chunk, and as a whole before the end. Without an index, or when too much is
 * missing, it is fetched as a whole. Throws as `release.uki()`.
 */
export async function* assembleUki(
  release: Release,
  folder: string,
  options: AssembleOptions = {},
): AsyncGenerator<Uint8Array> {
  const index = await release.ukiChunks?.index();
  const places = index === undefined ? undefined : await findChunks(index, release.document.chunkAverageBytes, folder);
  if (index === undefined || places === undefined || missingBytes(index, places) > MAX_MISSING_BYTES) {
    for await (const bytes of release.uki()) {
      options.onBytes?.(bytes.length);
      yield bytes;
    }
    return;
  }
  const fetched = await fetchMissing(release, index, places, options);
  const whole = createHash('sha256');
  for (let chunk = 0; chunk < index.count; chunk++) {
    const plain = fetched.get(chunk) ?? (await readChunk(index, chunk, places.get(chunk)));
    // The file was changed since it was looked at: not worth more than an error, the next try sees what is there then.
    if (plain === undefined)
      throw damaged('the UKI', release.origin, 'another UKI on this machine changed while it was read');
    whole.update(plain);
    yield plain;
  }
  if (`sha256:${whole.digest('hex')}` !== release.document.uki.sha256) {
    throw damaged('the index of the UKI', release.origin, 'its chunks make another UKI');
  }
}

function missingBytes(index: ChunkIndex, places: ReadonlyMap<number, ChunkPlace>): number {
  return index.lengths.reduce((sum, length, chunk) => (places.has(chunk) ? sum : sum + length), 0);
}

/** Which chunks of an index lie in the UKIs of a folder; one that cannot be read has none. */
async function findChunks(index: ChunkIndex, averageBytes: number, folder: string): Promise<Map<number, ChunkPlace>> {
  const wanted = new Map<string, number[]>();
  for (let chunk = 0; chunk < index.count; chunk++) {
    const key = digestKey(index, chunk);
    wanted.set(key, [...(wanted.get(key) ?? []), chunk]);
  }
  const places = new Map<number, ChunkPlace>();
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.efi'));
  for (const name of names.toSorted()) {
    const path = join(folder, name);
    try {
      for await (const { offset, key } of cutFile(path, averageBytes)) {
        for (const chunk of wanted.get(key) ?? []) places.set(chunk, { path, offset });
      }
    } catch {
      // A damaged file system here must not stop what may cure it.
    }
    if (places.size === index.count) break;
  }
  return places;
}

async function* cutFile(path: string, averageBytes: number): AsyncGenerator<{ offset: number; key: string }> {
  const cutter = new ChunkCutter(averageBytes);
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES + cutter.sizes.maxBytes);
    let [held, offset] = [0, 0];
    for (;;) {
      const { bytesRead } = await file.read(buffer, held, buffer.length - held, offset + held);
      held += bytesRead;
      const isLast = bytesRead === 0;
      let from = 0;
      // Only what holds a longest chunk is cut, so that each chunk lies in the buffer as a whole.
      while (held - from >= cutter.sizes.maxBytes || (isLast && from < held)) {
        const end = cutter.next(buffer.subarray(0, held), from);
        const until = end < 0 ? held : end;
        yield { offset: offset + from, key: hash('sha256', buffer.subarray(from, until), 'latin1') };
        from = until;
      }
      if (isLast) return;
      buffer.copyWithin(0, from, held);
      held -= from;
      offset += from;
    }
  } finally {
    await file.close();
  }
}

async function fetchMissing(
  release: Release,
  index: ChunkIndex,
  places: ReadonlyMap<number, ChunkPlace>,
  options: AssembleOptions,
): Promise<Map<number, Uint8Array>> {
  const fetched = new Map<number, Uint8Array>();
  const { ukiChunks } = release;
  if (ukiChunks === undefined) return fetched;
  const missing = Array.from(index.lengths.keys()).filter((chunk) => !places.has(chunk));
  const asChunks: Release = {
    ...release,
    index: async () => index,
    openChunks: (range, signal) => ukiChunks.open(range, signal),
  };
  await fetchChunks(asChunks, missing, {
    concurrency: 1,
    rate: new RateLimit(options.limit),
    signal: release.machine.signal,
    onBytes: options.onBytes ?? (() => undefined),
    isDone: (chunk) => fetched.has(chunk),
    put: async (first, count, plain) => {
      let at = 0;
      for (let chunk = first; chunk < first + count; chunk++) {
        const length = index.lengths[chunk] as number;
        fetched.set(chunk, Uint8Array.from(plain.subarray(at, at + length)));
        at += length;
      }
    },
  });
  return fetched;
}

async function readChunk(
  index: ChunkIndex,
  chunk: number,
  place: ChunkPlace | undefined,
): Promise<Uint8Array | undefined> {
  if (place === undefined) return undefined;
  const bytes = Buffer.allocUnsafeSlow(index.lengths[chunk] as number);
  let file: FileHandle | undefined;
  try {
    file = await open(place.path, 'r');
    await file.read(bytes, 0, bytes.length, place.offset);
  } catch {
    return undefined;
  } finally {
    await file?.close();
  }
  return isChunk(index, chunk, bytes) ? bytes : undefined;
}
