import { setTimeout as delay } from 'node:timers/promises';
import type { TransferLimits } from './options.ts';

/** HTTP statuses that may pass: request time-out, too many requests, and the server's own failures. */
export function isRetryableStatus(status: number): boolean {
  return status === 408 || status === 429 || status === 500 || status === 502 || status === 503 || status === 504;
}

/** Milliseconds of a `Retry-After` header (seconds or an HTTP date, RFC 9110 section 10.2.3); undefined when absent or unreadable. */
export function parseRetryAfter(value: string | null, now: Date): number | undefined {
  if (value === null) return undefined;
  if (/^\s*[0-9]{1,9}\s*$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now.getTime());
}

/** Pause before try number `attempt + 1` (first: 1): doubling, bounded, the upper half random so that many builds do not march in step. */
export function backoffMs(limits: TransferLimits, attempt: number): number {
  const full = Math.min(limits.retryMaxMs, limits.retryBaseMs * 2 ** (attempt - 1));
  return full / 2 + Math.random() * (full / 2);
}

/** Waits; rejects with the signal's reason when it is aborted. */
export async function sleepFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
