import { COPY_BYTES, type CopyRun } from './chunk-sources.ts';
import { RegionFile } from './region-file.ts';
import type { RootFile } from './root-file.ts';

/**
 * Copies chunks from slots of this machine. They are not hashed here: the root hash, computed from the disk in the end, tells
 * whether all are right, and hashing them twice would cost as much as all the rest. What cannot be read is left out.
 *
 * @throws AgentError WRITE_FAILED | NO_SPACE for the target.
 */
export async function copyChunks(
  runs: readonly CopyRun[],
  root: RootFile,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const files = new Map<string, RegionFile | undefined>();
  const buffer = Buffer.allocUnsafeSlow(COPY_BYTES);
  try {
    for (const run of runs) {
      signal.throwIfAborted();
      const { region } = run.base;
      const key = `${region.path} ${region.offsetBytes}`;
      if (!files.has(key)) files.set(key, await RegionFile.open(region, 'r').catch(() => undefined));
      const file = files.get(key);
      if (file === undefined) continue;
      const part = run.lengthBytes <= COPY_BYTES ? buffer.subarray(0, run.lengthBytes) : Buffer.alloc(run.lengthBytes);
      const isRead = await file.read(part, run.baseOffset).then(
        () => true,
        () => false,
      );
      if (!isRead) continue;
      await root.put(run.firstChunk, run.chunks, part);
      onBytes(part.length);
    }
  } finally {
    for (const file of files.values()) await file?.close();
  }
}
