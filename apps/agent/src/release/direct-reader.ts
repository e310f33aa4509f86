import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Region } from '../slots/slots.ts';
import { RegionFile } from './region-file.ts';

/** What disks and file systems want at most for transfers past the cache. */
const ALIGNMENT = 4096;

/** Reads a region past the cache of the kernel where that is possible. */
export interface DiskReader {
  /** False: what is read may come from memory, not from the disk. */
  readonly isDirect: boolean;
  /** `length` bytes from `offset`, both multiples of 4096; valid until the call after the next. Throws AgentError WRITE_FAILED. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/**
 * Opens a region for verifying what was written: reading it through the cache would only compare memory with memory. Not all
 * file systems can do without (tmpfs of old kernels); then it is read as usual. Throws AgentError WRITE_FAILED.
 */
export async function openDiskReader(region: Region, maxLength: number): Promise<DiskReader> {
  const space = Buffer.allocUnsafeSlow(2 * maxLength + ALIGNMENT);
  const shift = await findAlignment(region, space);
  const isDirect = shift !== undefined;
  const file = await RegionFile.open(region, isDirect ? constants.O_RDONLY | constants.O_DIRECT : 'r');
  // Two halves in turn: one is read into while the other is in use.
  let half = 0;
  return {
    isDirect,
    read: async (offset, length) => {
      half = maxLength - half;
      const start = (shift ?? 0) + half;
      const part = space.subarray(start, start + length);
      await file.read(part, offset);
      return part;
    },
    close: () => file.close(),
  };
}

/**
 * Where in the buffer a transfer past the cache may begin. JavaScript does not show addresses, so all places are tried: the
 * kernel refuses the wrong ones.
 */
async function findAlignment(region: Region, space: Buffer): Promise<number | undefined> {
  if (region.offsetBytes % ALIGNMENT !== 0) return undefined;
  const handle = await open(region.path, constants.O_RDONLY | constants.O_DIRECT).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    for (let shift = 0; shift < ALIGNMENT; shift += 16) {
      const found = await handle.read(space, shift, ALIGNMENT, region.offsetBytes).catch(() => undefined);
      if (found?.bytesRead === ALIGNMENT) return shift;
    }
    return undefined;
  } finally {
    await handle.close();
  }
}
