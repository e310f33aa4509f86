import { withDevice } from '../disk/device-bytes.ts';
import { type OpenBlockWriter, openBlockWriter } from '../slots/block-writer.ts';
import type { Region } from '../slots/slots.ts';

const COPY_BYTES = 2 ** 20;

/** Copies the first bytes of a region into another, durable on return. Throws errors of the disk, and the reason of the signal. */
export async function copyRegion(
  from: Region,
  to: Region,
  sizeBytes: number,
  options: {
    signal: AbortSignal;
    progress?: (doneBytes: number) => void;
    openWriter?: OpenBlockWriter;
  },
): Promise<void> {
  const { openWriter = openBlockWriter } = options;
  const writer = await openWriter(to.path);
  try {
    await withDevice(from.path, async (read) => {
      for (let at = 0; at < sizeBytes; at += COPY_BYTES) {
        options.signal.throwIfAborted();
        const bytes = await read(from.offsetBytes + at, Math.min(COPY_BYTES, sizeBytes - at));
        await writer.write(to.offsetBytes + at, bytes);
        options.progress?.(at + bytes.length);
      }
    });
    await writer.flush();
  } finally {
    await writer.close();
  }
}
