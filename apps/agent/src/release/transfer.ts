import { setTimeout as sleep } from 'node:timers/promises';
import { BowlineError } from '@bowline/errors';
import { PassingFailure } from '../download/request.ts';
import { AgentError } from '../error.ts';

/** Bounds of transfers; times are milliseconds. */
export interface TransferLimits {
  /** Tries without a byte that helps in between. */
  tries: number;
  /** Pause before the second try; it doubles each time up to `maxPauseMs`. */
  pauseMs: number;
  maxPauseMs: number;
  /** A server that asks to wait longer is not waited for. */
  maxRetryAfterMs: number;
  /** A transfer must bring `stallMinBytes` in every such span of waiting. */
  stallMs: number;
  stallMinBytes: number;
}

/** What holds unless told otherwise. */
export const TRANSFER_LIMITS: TransferLimits = {
  tries: 6,
  pauseMs: 1000,
  maxPauseMs: 30_000,
  maxRetryAfterMs: 120_000,
  stallMs: 30_000,
  stallMinBytes: 4096,
};

/** Counts the tries of one transfer and waits between them. */
export class Tries {
  readonly #limits: TransferLimits;
  readonly #what: string;
  readonly #signal: AbortSignal;
  #count = 0;

  /** `what` completes "cannot fetch ". */
  constructor(limits: TransferLimits, what: string, signal: AbortSignal) {
    this.#limits = limits;
    this.#what = what;
    this.#signal = signal;
  }

  /** Something arrived that was needed: what failed before does not count any more. */
  progressed(): void {
    this.#count = 0;
  }

  /** Waits until it makes sense to try again. Throws `error` when that cannot help, else SOURCE_UNAVAILABLE after the last try. */
  async failed(error: unknown): Promise<void> {
    this.#signal.throwIfAborted();
    const failure = passing(error);
    if (failure === undefined) throw error;
    this.#count += 1;
    const { tries, pauseMs, maxPauseMs, maxRetryAfterMs } = this.#limits;
    const wait = failure.pauseMs ?? 0;
    if (this.#count >= tries || wait > maxRetryAfterMs) {
      const waits = wait > maxRetryAfterMs ? ` and asks to wait ${Math.ceil(wait / 1000)} s` : '';
      throw new AgentError({
        code: 'SOURCE_UNAVAILABLE',
        message: `Cannot fetch ${this.#what}: ${failure.message}${waits} (tried ${this.#count} times).`,
        hint: 'Check the network and the server, and run the command again: it continues where it stopped.',
        cause: error,
      });
    }
    const pause = Math.max(wait, Math.min(maxPauseMs, pauseMs * 2 ** (this.#count - 1)));
    await sleep(pause, undefined, { signal: this.#signal }).catch(() => this.#signal.throwIfAborted());
  }
}

/** Does something again while it fails in ways that may pass. Throws as `Tries.failed`. */
export async function retrying<T>(
  limits: TransferLimits,
  what: string,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  const tries = new Tries(limits, what, signal);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await tries.failed(error);
    }
  }
}

/** Errors of the registry client that another try may cure; it tried itself only before the first byte. */
const PASSING_CODES = new Set(['REGISTRY_UNREACHABLE', 'TRUNCATED']);

function passing(error: unknown): PassingFailure | undefined {
  if (error instanceof PassingFailure) return error;
  if (error instanceof BowlineError) {
    return PASSING_CODES.has(error.code) ? new PassingFailure(lowerFirst(error.message), undefined, error) : undefined;
  }
  // Sockets, parsers of HTTP and the like: the body broke off.
  return new PassingFailure('the connection broke off', undefined, error);
}

function lowerFirst(text: string): string {
  return `${text.slice(0, 1).toLowerCase()}${text.slice(1)}`.replace(/\.$/, '');
}
