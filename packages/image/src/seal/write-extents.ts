import type { FatExtent } from '@bowline/formats';
import type { SparseFile } from '@bowline/host';

/** Writes a planned volume or archive into a file from an offset on; file extents are copied by range. */
export async function writeExtents(
  to: SparseFile,
  startBytes: number,
  extents: readonly FatExtent[],
  sources: ReadonlyMap<string, string | Uint8Array>,
): Promise<void> {
  for (const extent of extents) {
    const at = startBytes + extent.offset;
    const content = 'bytes' in extent ? extent.bytes : sources.get(extent.path);
    if (typeof content === 'string') await to.copy(at, { path: content, lengthBytes: extent.length });
    else if (content !== undefined) await to.write(at, content);
  }
}
