import { setTimeout as sleep } from 'node:timers/promises';

/** Pauses shorter than this cost more than they bring. */
const MIN_PAUSE_MS = 5;

/** Lets so many bytes per second through, all transfers of an upgrade together. */
export class RateLimit {
  readonly #bytesPerMs: number;
  #freeAtMs = 0;

  /** No limit without a number. */
  constructor(bytesPerSecond: number | undefined) {
    this.#bytesPerMs = bytesPerSecond === undefined ? Number.POSITIVE_INFINITY : bytesPerSecond / 1000;
  }

  /** Waits until these bytes may have come. Throws the signal's reason. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const now = performance.now();
    this.#freeAtMs = Math.max(now, this.#freeAtMs) + bytes / this.#bytesPerMs;
    const wait = this.#freeAtMs - now;
    if (wait < MIN_PAUSE_MS) return;
    await sleep(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
