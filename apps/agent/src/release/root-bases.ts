import { hash } from 'node:crypto';
import {
  buildChunkIndex,
  type Chunk,
  ChunkCutter,
  type ChunkIndex,
  parseSquashfsSuperblock,
  SQUASHFS_SUPERBLOCK_SIZE,
} from '@bowline/formats';
import type { Machine } from '../machine/machine.ts';
import type { Region } from '../slots/slots.ts';
import { digestKey, isChunk } from './chunk-digests.ts';
import type { RootBase } from './contract.ts';
import { RegionFile } from './region-file.ts';
import { SliceWindow } from './slice-window.ts';
import { loadSlotIndex, saveSlotIndex } from './slot-index.ts';

const BLOCK = 4096;

/**
 * A slot as a place to take chunks from: its saved index, else it is cut once and the index is saved. Undefined when there is
 * no root in it, or it cannot be read: then all is fetched. With the index of a release that is `like` it, cutting costs half.
 */
export async function findRootBase(
  machine: Machine,
  slot: { data: Region; rootHash: string },
  averageBytes: number,
  like?: ChunkIndex,
): Promise<RootBase | undefined> {
  const region = slot.data;
  const name = { rootHash: slot.rootHash, averageBytes };
  const saved = await loadSlotIndex(machine, name);
  if (saved !== undefined) return saved.rootBytes <= region.sizeBytes ? { region, index: saved } : undefined;
  try {
    const index = await cutRoot(region, averageBytes, machine.signal, like);
    // Only a convenience: a full state partition must not stop an upgrade here.
    await saveSlotIndex(machine, name, index).catch(() => undefined);
    return { region, index };
  } catch {
    machine.signal.throwIfAborted();
    return undefined;
  }
}

/** Cuts the root in a region as the build did. Throws AgentError WRITE_FAILED, FormatsError. */
export async function cutRoot(
  region: Region,
  averageBytes: number,
  signal: AbortSignal,
  like?: ChunkIndex,
): Promise<ChunkIndex> {
  const file = await RegionFile.open(region, 'r');
  try {
    const start = new Uint8Array(SQUASHFS_SUPERBLOCK_SIZE);
    await file.read(start, 0);
    const rootBytes = Math.ceil(parseSquashfsSuperblock(start).bytesUsed / BLOCK) * BLOCK;
    return buildChunkIndex(await cutAll(new SliceWindow(file, rootBytes, signal), averageBytes, like));
  } finally {
    await file.close();
  }
}

/**
 * Where a chunk begins, the other root says what is probably there: when it is, its end is known without looking for it, for
 * where a chunk ends follows from its content alone. Where it is not, the cutter looks, until a chunk is known again.
 */
async function cutAll(window: SliceWindow, averageBytes: number, like: ChunkIndex | undefined): Promise<Chunk[]> {
  const cutter = new ChunkCutter(averageBytes);
  const known = new Map<string, number>();
  for (let chunk = 0; chunk < (like?.count ?? 0); chunk++) if (like) known.set(digestKey(like, chunk), chunk);
  const chunks: Chunk[] = [];
  let expected = 0;
  for (;;) {
    const bytes = await window.atLeast(cutter.sizes.maxBytes);
    if (bytes.length === 0) return chunks;
    let length = like?.lengths[expected] ?? 0;
    const isExpected = like !== undefined && length > 0 && isChunk(like, expected, bytes.subarray(0, length));
    if (!isExpected) {
      const end = cutter.next(bytes, 0);
      length = end < 0 ? bytes.length : end;
    }
    const sha256 = isExpected
      ? like.digests.subarray(expected * 32, expected * 32 + 32)
      : hash('sha256', bytes.subarray(0, length), 'buffer');
    chunks.push({ lengthBytes: length, storedBytes: length, sha256 });
    const place = isExpected ? expected : known.get(Buffer.from(sha256).toString('latin1'));
    expected = place === undefined ? Number.NaN : place + 1;
    window.skip(length);
  }
}
