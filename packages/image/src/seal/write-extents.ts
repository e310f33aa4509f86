import type { FileHandle } from 'node:fs/promises';
import type { FatExtent } from '@bowline/formats';
import { copyRange } from '@bowline/host';

/** Writes a planned FAT volume into a region of a file that reads as zeros; file extents are copied by range. */
export async function writeExtents(
  to: FileHandle,
  startBytes: number,
  extents: readonly FatExtent[],
  sources: ReadonlyMap<string, string | Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  for (const extent of extents) {
    signal.throwIfAborted();
    const at = startBytes + extent.offset;
    const content = 'bytes' in extent ? extent.bytes : sources.get(extent.path);
    if (typeof content === 'string') await copyRange({ path: content, lengthBytes: extent.length }, to, at);
    else if (content !== undefined) await to.writev([content], at);
  }
}
