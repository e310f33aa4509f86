import type { RootTarget, WriteRootWatch } from './source.ts';
import { streamMedium } from './stream-runs.ts';

/** Dirty pages that may wait: the progress that people see is then that of the disk, and memory stays free. */
const FLUSH_BYTES = 64 * 2 ** 20;

/** Copies root and hash tree from two devices to their places; durable on return. */
export async function copyRoot(
  from: readonly [data: { path: string; sizeBytes: number }, hash: { path: string; sizeBytes: number }],
  { writer, data, hash }: RootTarget,
  { onBytes, signal }: WriteRootWatch,
): Promise<void> {
  const places = [data, hash];
  let done = 0;
  for (const [index, { path, sizeBytes }] of from.entries()) {
    let at = places[index]?.offsetBytes ?? 0;
    let dirty = 0;
    for await (const part of streamMedium(path, 0, [{ offset: 0, length: sizeBytes }], signal)) {
      await writer.write(at, part);
      at += part.length;
      dirty += part.length;
      if (dirty >= FLUSH_BYTES) {
        await writer.flush();
        dirty = 0;
      }
      onBytes((done += part.length));
    }
    await writer.flush();
  }
}
