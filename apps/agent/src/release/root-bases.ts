import { hash } from 'node:crypto';
import { buildChunkIndex, type Chunk, ChunkCutter, type ChunkIndex, parseSquashfsSuperblock } from '@bowline/formats';
import type { Machine } from '../machine/machine.ts';
import type { Region } from '../slots/slots.ts';
import type { RootBase } from './contract.ts';
import { RegionFile } from './region-file.ts';
import { loadSlotIndex, saveSlotIndex } from './slot-index.ts';

const SLICE_BYTES = 2 ** 20;
const BLOCK = 4096;
const SUPERBLOCK_BYTES = 96;

/**
 * A slot as a place to take chunks from: its saved index, else it is cut once and the index is saved. Undefined when there is
 * no root in it, or it cannot be read: then all is fetched.
 */
export async function findRootBase(
  machine: Machine,
  slot: { data: Region; rootHash: string },
  averageBytes: number,
): Promise<RootBase | undefined> {
  const name = { rootHash: slot.rootHash, averageBytes };
  const saved = await loadSlotIndex(machine, name);
  if (saved !== undefined)
    return saved.rootBytes <= slot.data.sizeBytes ? { region: slot.data, index: saved } : undefined;
  try {
    const index = await cutRoot(slot.data, averageBytes, machine.signal);
    // Only a convenience: a full state partition must not stop an upgrade here.
    await saveSlotIndex(machine, name, index).catch(() => undefined);
    return { region: slot.data, index };
  } catch {
    machine.signal.throwIfAborted();
    return undefined;
  }
}

/** Cuts the root in a region as the build did. Throws AgentError WRITE_FAILED, FormatsError. */
export async function cutRoot(region: Region, averageBytes: number, signal: AbortSignal): Promise<ChunkIndex> {
  const file = await RegionFile.open(region, 'r');
  try {
    const start = new Uint8Array(SUPERBLOCK_BYTES);
    await file.read(start, 0);
    const rootBytes = Math.ceil(parseSquashfsSuperblock(start).bytesUsed / BLOCK) * BLOCK;
    return buildChunkIndex(await cutAll(file, rootBytes, averageBytes, signal));
  } finally {
    await file.close();
  }
}

async function cutAll(
  file: RegionFile,
  rootBytes: number,
  averageBytes: number,
  signal: AbortSignal,
): Promise<Chunk[]> {
  const cutter = new ChunkCutter(averageBytes);
  const { maxBytes } = cutter.sizes;
  // What is left of the last slice stands before the next one, so that every chunk is in one piece.
  const buffer = Buffer.allocUnsafeSlow(maxBytes + SLICE_BYTES);
  const chunks: Chunk[] = [];
  let kept = 0;
  const add = (from: number, end: number): void => {
    const sha256 = hash('sha256', buffer.subarray(from, end), 'buffer');
    chunks.push({ lengthBytes: end - from, storedBytes: end - from, sha256 });
  };
  for (let at = 0; at < rootBytes; ) {
    signal.throwIfAborted();
    const slice = buffer.subarray(kept, kept + Math.min(SLICE_BYTES, rootBytes - at));
    await file.read(slice, at);
    at += slice.length;
    const filled = kept + slice.length;
    let from = 0;
    for (let scanned = kept; scanned < filled; ) {
      const end = cutter.next(buffer.subarray(0, filled), scanned);
      if (end < 0) break;
      add(from, end);
      from = end;
      scanned = end;
    }
    buffer.copyWithin(0, from, filled);
    kept = filled - from;
  }
  if (kept > 0) add(0, kept);
  return chunks;
}
