import { open } from 'node:fs/promises';
import type { VolumeRun } from '@bowline/formats';
import { AgentError } from '../error.ts';

const CHUNK_BYTES = 2 ** 20;

/** The bytes of runs of a device, one after the other. Throws what the system says, and ENODATA where the device ends early. */
export async function* streamRuns(
  file: string,
  offsetBytes: number,
  runs: readonly VolumeRun[],
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const handle = await open(file, 'r');
  try {
    for (const run of runs) {
      for (let done = 0; done < run.length; ) {
        signal?.throwIfAborted();
        const buffer = new Uint8Array(Math.min(CHUNK_BYTES, run.length - done));
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, offsetBytes + run.offset + done);
        if (bytesRead === 0) {
          throw Object.assign(new Error(`${file} ends before byte ${offsetBytes + run.offset + run.length}`), {
            code: 'ENODATA',
          });
        }
        done += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    }
  } finally {
    await handle.close();
  }
}

/**
 * The same of the medium that is installed from: what goes wrong with it is never blamed on the disk.
 *
 * @throws AgentError SOURCE_UNAVAILABLE
 */
export async function* streamMedium(
  file: string,
  offsetBytes: number,
  runs: readonly VolumeRun[],
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    yield* streamRuns(file, offsetBytes, runs, signal);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (signal?.aborted === true || typeof code !== 'string') throw error;
    throw new AgentError({
      code: 'SOURCE_UNAVAILABLE',
      message: `install: the medium cannot be read (${code}).`,
      hint: 'It is damaged, or was taken out: start from another one, and install again.',
      cause: error,
    });
  }
}
