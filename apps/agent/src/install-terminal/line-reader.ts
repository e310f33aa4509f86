import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

const CTRL_C = '\x03';
const CTRL_D = '\x04';
const CTRL_U = '\x15';
const ERASE = new Set(['\x7f', '\b']);
/** More than this on one line is nobody typing. */
const MAX_LENGTH = 16_384;

/**
 * Lines of a terminal that knows nothing but lines. While a hidden one is read the terminal is raw, because it would show
 * what is typed otherwise; erasing and breaking off are then done here.
 */
export class LineReader {
  readonly #input: Readable & { setRawMode?: (raw: boolean) => unknown };
  readonly #signal: AbortSignal;
  readonly #decoder = new StringDecoder('utf8');
  #pending = '';
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(input: Readable, signal: AbortSignal) {
    this.#input = input;
    this.#signal = signal;
    input.on('data', (chunk: Buffer) => {
      if (this.#pending.length < MAX_LENGTH * 4) this.#pending += this.#decoder.write(chunk);
      this.#wake();
    });
    for (const event of ['end', 'close', 'error']) {
      input.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
    signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  /** The next line, without its end; undefined when there is none any more or it was broken off. */
  async next(options: { hidden?: boolean } = {}): Promise<string | undefined> {
    const raw = options.hidden === true && this.#input.setRawMode !== undefined;
    if (raw) this.#input.setRawMode?.(true);
    this.#input.resume();
    try {
      return await this.#line();
    } finally {
      this.#input.pause();
      if (raw) this.#input.setRawMode?.(false);
    }
  }

  async #line(): Promise<string | undefined> {
    let line = '';
    for (;;) {
      if (this.#signal.aborted) return undefined;
      for (const character of this.#pending) {
        this.#pending = this.#pending.slice(character.length);
        if (character === '\n' || character === '\r') return line;
        if (character === CTRL_C || (character === CTRL_D && line === '')) return undefined;
        if (character === CTRL_U) line = '';
        else if (ERASE.has(character)) line = line.slice(0, -1);
        else if (character >= ' ' && line.length < MAX_LENGTH) line += character;
      }
      if (this.#ended) return line === '' ? undefined : line;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
