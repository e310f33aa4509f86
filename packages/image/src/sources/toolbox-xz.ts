import type { XzDecompressor } from '../layers/compression.ts';
import type { ResolveContext } from './source.ts';

/** Unpacking 64 GiB of xz at 20 MB/s. */
const XZ_TIMEOUT_MS = 3_600_000;

/**
 * `xz -dc` of the toolbox as a stream. The toolbox is prepared only when something is compressed with xz.
 * The stream ends well only if xz did.
 */
export function toolboxXz(context: Pick<ResolveContext, 'toolbox' | 'signal'>): XzDecompressor {
  return (packed) =>
    streamOf(async (onChunk) => {
      const toolbox = await context.toolbox();
      await toolbox.run({
        argv: ['xz', '--decompress', '--stdout', '--threads=1'],
        binds: [],
        stdin: { kind: 'stream', stream: packed },
        stdout: { kind: 'chunks', onChunk },
        timeoutMs: XZ_TIMEOUT_MS,
        signal: context.signal,
      });
    });
}

/** Turns a producer that calls back into a stream; the producer waits until each chunk is taken. */
export async function* streamOf(
  produce: (onChunk: (chunk: Uint8Array) => Promise<void>) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  let wake: () => void = () => undefined;
  let taken: (() => void) | undefined;
  let chunk: Uint8Array | undefined;
  let stopped = false;
  let end: { error?: unknown } | undefined;
  const producing = produce(async (next) => {
    if (stopped) throw new Error('the reader of the stream stopped');
    chunk = next;
    await new Promise<void>((resolve) => {
      taken = resolve;
      wake();
    });
  }).then(
    () => {
      end = {};
      wake();
    },
    (error: unknown) => {
      end = { error };
      wake();
    },
  );
  try {
    for (;;) {
      if (chunk === undefined && end === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      if (chunk === undefined) break;
      yield chunk;
      chunk = undefined;
      taken?.();
    }
    if (end !== undefined && 'error' in end) throw end.error;
  } finally {
    stopped = true;
    taken?.();
    await producing;
  }
}
