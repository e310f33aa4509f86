import { CliError } from '../error.ts';
import { ConsoleText } from './console-text.ts';

/** Text kept for searching and for messages. */
const KEEP_CHARS = 256 * 1024;
/** A match may begin this far before the newest text; so may lines a pattern spans. */
const OVERLAP_CHARS = 16 * 1024;

interface Waiter {
  pattern: RegExp;
  /** Where in the transcript the next search begins. */
  from: number;
  settle: (match: RegExpExecArray) => void;
  fail: (error: unknown) => void;
}

/** Limits of a wait. */
export interface WaitLimits {
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/**
 * Watches a console for text. Every match consumes the text up to its end, so that waiting for `login:` a second
 * time waits for the next one. `^` and `$` mean lines. A match at the end of what has come so far counts, so a
 * pattern that only what follows can refuse (`a(?!b)`, a `$` in the middle of a line) may match early.
 */
export class ConsoleWatcher {
  readonly #text = new ConsoleText();
  #transcript = '';
  #consumed = 0;
  #ended: CliError | undefined;
  readonly #waiters = new Set<Waiter>();

  /** Takes what the console wrote. */
  feed(chunk: Uint8Array): void {
    this.#transcript += this.#text.push(chunk);
    for (const waiter of this.#waiters) this.#search(waiter);
    const excess = this.#transcript.length - KEEP_CHARS;
    if (excess > KEEP_CHARS) this.#forget(excess);
  }

  /** Tells that nothing will come any more: whoever waits fails with this reason. */
  end(reason: CliError): void {
    this.#ended ??= reason;
    for (const waiter of this.#waiters) waiter.fail(this.#ended);
  }

  /** The last lines on the console, oldest first, empty ones left out. */
  tail(lines: number): string[] {
    return this.#transcript
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '')
      .slice(-lines);
  }

  /**
   * Resolves with the first match in the text not consumed yet.
   * Throws CliError EXPECT_TIMEOUT, what `end` was given, or the reason of the signal.
   */
  async waitFor(pattern: RegExp, limits: WaitLimits): Promise<RegExpExecArray> {
    limits.signal?.throwIfAborted();
    const cleanUps: (() => void)[] = [];
    try {
      return await new Promise<RegExpExecArray>((settle, fail) => {
        const flags = [...new Set(`${pattern.flags.replaceAll('y', '')}gm`)].join('');
        const waiter: Waiter = { pattern: new RegExp(pattern.source, flags), from: this.#consumed, settle, fail };
        if (this.#search(waiter)) return;
        if (this.#ended !== undefined) {
          fail(this.#ended);
          return;
        }
        this.#waiters.add(waiter);
        cleanUps.push(() => this.#waiters.delete(waiter));
        const timer = setTimeout(() => fail(this.#timedOut(pattern, limits.timeoutMs)), limits.timeoutMs);
        cleanUps.push(() => clearTimeout(timer));
        const onAbort = () => fail(limits.signal?.reason);
        limits.signal?.addEventListener('abort', onAbort, { once: true });
        cleanUps.push(() => limits.signal?.removeEventListener('abort', onAbort));
      });
    } finally {
      for (const cleanUp of cleanUps) cleanUp();
    }
  }

  #search(waiter: Waiter): boolean {
    waiter.pattern.lastIndex = Math.max(waiter.from, this.#consumed);
    const match = waiter.pattern.exec(this.#transcript);
    if (match === null) {
      waiter.from = Math.max(waiter.from, this.#transcript.length - OVERLAP_CHARS);
      return false;
    }
    this.#consumed = Math.max(this.#consumed, match.index + match[0].length);
    this.#waiters.delete(waiter);
    waiter.settle(match);
    return true;
  }

  #forget(chars: number): void {
    this.#transcript = this.#transcript.slice(chars);
    this.#consumed = Math.max(0, this.#consumed - chars);
    for (const waiter of this.#waiters) waiter.from = Math.max(0, waiter.from - chars);
  }

  #timedOut(pattern: RegExp, timeoutMs: number): CliError {
    const serialTail = this.tail(20);
    return new CliError({
      code: 'EXPECT_TIMEOUT',
      message: `"${pattern.source}" did not appear on the console within ${Math.round(timeoutMs / 100) / 10} s`,
      hint: 'The last lines of the console are below; --timeout gives it more time, --serial-log keeps everything.',
      details: { pattern: pattern.source, timeoutMs, serialTail },
    });
  }
}
