import { PassingFailure } from '../download/request.ts';
import type { TransferLimits } from './transfer.ts';

/**
 * Bytes of a body, until waiting for `stallMs` brought less than `stallMinBytes`: that ends silent and trickling servers
 * alike. Time the reader takes does not count. Leaving early closes the connection.
 */
export async function* watchStalls(
  body: ReadableStream<Uint8Array> | null,
  limits: Pick<TransferLimits, 'stallMs' | 'stallMinBytes'>,
  stop: AbortController,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  let waitedMs = 0;
  let windowBytes = 0;
  try {
    for (;;) {
      const since = performance.now();
      const timer = setTimeout(() => stop.abort(), Math.max(1, limits.stallMs - waitedMs));
      const part = await reader.read().finally(() => clearTimeout(timer));
      if (part.done) return;
      waitedMs += performance.now() - since;
      windowBytes += part.value.length;
      if (windowBytes >= limits.stallMinBytes) {
        waitedMs = 0;
        windowBytes = 0;
      }
      yield part.value;
    }
  } catch (error) {
    signal.throwIfAborted();
    const why = stop.signal.aborted
      ? `the server sent less than ${limits.stallMinBytes} bytes within ${limits.stallMs / 1000} s`
      : 'the connection broke off';
    throw new PassingFailure(why, undefined, error);
  } finally {
    stop.abort();
    await reader.cancel().catch(() => undefined);
  }
}
