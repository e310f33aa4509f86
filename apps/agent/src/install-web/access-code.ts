import { createHash, randomInt, timingSafeEqual } from 'node:crypto';

/** No two of these look alike on any console: no 0 O, 1 I L, 2 Z, 5 S, 8 B, U V. */
const ALPHABET = 'ACDEFGHJKMNPQRTWXY34679';
const LENGTH = 8;
/** Wrong tries after which a code is worth nothing. */
const TRIES = 5;
/** How long nobody can try after that. */
const PAUSE_MS = 60_000;

/** What became of a try. */
export type CodeVerdict = { accepted: true } | { accepted: false; retryAfterMs?: number; triesLeft: number };

/**
 * The one-time code that the console shows: 36 random bits, five tries for all who ask together. Afterwards nobody can try
 * for a minute, and then the code is a new one: a machine on the network needs ten thousand years on average, a person one look
 * at the console. A code that was used is spent.
 */
export class AccessCode {
  readonly #now: () => number;
  readonly #onCode: (code: string) => void;
  #code = '';
  #wrong = 0;
  #lockedUntil = 0;

  /** `onCode` shows a code to whoever stands at the machine; it is called for every new one. `now`: milliseconds, never backwards. */
  constructor(options: { now: () => number; onCode: (code: string) => void }) {
    this.#now = options.now;
    this.#onCode = options.onCode;
  }

  /** Makes a code and shows it; the one before is worth nothing. */
  renew(): void {
    this.#code = Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
    this.#wrong = 0;
    this.#onCode(`${this.#code.slice(0, LENGTH / 2)}-${this.#code.slice(LENGTH / 2)}`);
  }

  /** Milliseconds for which every try is refused, the right one too; 0 when it is not. */
  pauseMs(): number {
    const left = Math.max(0, this.#lockedUntil - this.#now());
    if (left === 0 && this.#lockedUntil > 0) {
      this.#lockedUntil = 0;
      this.renew();
    }
    return left;
  }

  /** One try; case, blanks and dashes do not matter. The right code is spent by it. */
  try(text: string): CodeVerdict {
    const pause = this.pauseMs();
    if (pause > 0) return { accepted: false, retryAfterMs: pause, triesLeft: 0 };
    if (isSame(text.toUpperCase().replaceAll(/[\s-]/g, ''), this.#code)) {
      this.renew();
      return { accepted: true };
    }
    this.#wrong += 1;
    if (this.#wrong < TRIES) return { accepted: false, triesLeft: TRIES - this.#wrong };
    this.#lockedUntil = this.#now() + PAUSE_MS;
    return { accepted: false, retryAfterMs: PAUSE_MS, triesLeft: 0 };
  }
}

/** Takes the same time wherever the texts differ, and whatever their lengths. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b)) && b !== '';
}
