import { CliError } from '../error.ts';

/** A byte pipe to a shell: a socket, or a process. */
export interface ShellPort {
  write(bytes: Uint8Array): void;
  output: AsyncIterable<Uint8Array>;
}

/** What a command in the machine left behind. Its standard error is part of `output`. */
export interface GuestResult {
  exitCode: number;
  output: Uint8Array;
}

/** Limits of a command in the machine. */
export interface GuestLimits {
  timeoutMs: number;
  /** Longest output taken, in bytes. */
  maxOutputBytes?: number;
  signal?: AbortSignal | undefined;
}

const DEFAULT_MAX_OUTPUT_BYTES = 16 * 2 ** 20;
/** Between greetings: often at first, so that a shell that is there answers at once. */
const FIRST_GREETING_MS = 250;
const GREETING_EVERY_MS = 4000;
/** A guest's terminal keeps 4095 bytes that nobody has read yet, so long commands are sent in small pieces. */
const PIECE_BYTES = 512;
const PIECE_PAUSE_MS = 20;
/** What is kept of chatter outside a command. */
const IDLE_CHARS = 64 * 1024;

/**
 * Runs commands in a POSIX shell at the far end of a serial line.
 *
 * PROTOCOL: a greeting with a random word is repeated until its answer comes, so it does not matter when the shell
 * starts or what half a line was left over. Then one line is sent: a start mark, the command in quotes for `sh -c`
 * with no standard input, an end mark with its exit code. Marks are random, and written so that an echo of the
 * input never looks like the answer.
 */
export class GuestShell {
  readonly #port: ShellPort;
  /** Bytes received and not used yet, one character each. */
  #received = '';
  #ended = false;
  #collecting = false;
  #wake: () => void = () => undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(port: ShellPort) {
    this.#port = port;
    void this.#pump();
  }

  /** Runs a command after those asked for before. Throws CliError COMMAND_TIMEOUT | COMMAND_OUTPUT_TOO_LARGE | MACHINE_ENDED. */
  run(command: string, limits: GuestLimits): Promise<GuestResult> {
    const result = this.#queue.then(() => this.#run(command, limits));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #run(command: string, limits: GuestLimits): Promise<GuestResult> {
    if (command.includes('\0')) throw new CliError({ code: 'USAGE', message: 'a command cannot contain a NUL byte' });
    const deadline = performance.now() + limits.timeoutMs;
    await this.#greet(deadline, limits);
    const mark = `bowline-${crypto.randomUUID()}`;
    const quoted = `'${command.replaceAll("'", "'\\''")}'`;
    this.#received = '';
    await this.#send(`M=${mark}; echo "$M:start"; sh -c ${quoted} </dev/null 2>&1; C=$?; echo; echo "$M:end:$C"\n`);
    this.#collecting = true;
    try {
      return await this.#collect(mark, deadline, limits);
    } finally {
      this.#collecting = false;
    }
  }

  async #greet(deadline: number, limits: GuestLimits): Promise<void> {
    const word = crypto.randomUUID().replaceAll('-', '');
    // The backslash vanishes in the answer; no quotes, because half of this line may have been left over.
    const greeting = `\nPS1= PS2=; stty raw -echo 2>/dev/null; echo bowline-\\${word}\n`;
    const answer = new RegExp(`bowline-${word}\\r?\\n`);
    for (let pauseMs = FIRST_GREETING_MS; ; pauseMs = Math.min(2 * pauseMs, GREETING_EVERY_MS)) {
      await this.#send(greeting);
      const until = Math.min(deadline, performance.now() + pauseMs);
      const end = await this.#until(() => answer.exec(this.#received), until, limits.signal);
      if (end !== null) {
        this.#received = this.#received.slice(end.index + end[0].length);
        return;
      }
      if (performance.now() >= deadline) throw timedOut('the root shell of the machine did not answer', limits);
    }
  }

  async #collect(mark: string, deadline: number, limits: GuestLimits): Promise<GuestResult> {
    const started = await this.#until(
      () => new RegExp(`${mark}:start(\\r?)\\n`).exec(this.#received),
      deadline,
      limits.signal,
    );
    if (started === null) throw timedOut('the root shell of the machine did not take the command', limits);
    this.#received = this.#received.slice(started.index + started[0].length);
    const maxBytes = limits.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES;
    let searched = 0;
    const ended = await this.#until(
      () => {
        if (this.#received.length > maxBytes + 256) throw tooLarge(maxBytes);
        const at = this.#received.indexOf(`${mark}:end:`, searched);
        searched = Math.max(0, this.#received.length - 256);
        return at < 0 ? null : /^[^:]*:end:([0-9]+)\r?\n/.exec(this.#received.slice(at)) && { at };
      },
      deadline,
      limits.signal,
    );
    if (ended === null) throw timedOut('the command in the machine did not end', limits);
    const code = /:end:([0-9]+)/.exec(this.#received.slice(ended.at))?.[1];
    const raw = this.#received.slice(0, ended.at).replace(/\r?\n$/, '');
    this.#received = '';
    // A terminal that is not in raw mode writes \r\n for every \n; the start mark showed which it is.
    const text = started[1] === '\r' ? raw.replaceAll('\r\n', '\n') : raw;
    return { exitCode: Number(code), output: new Uint8Array(Buffer.from(text, 'latin1')) };
  }

  /** Asks again whenever bytes came, until the answer is not null or the time is over (null). */
  async #until<T>(ask: () => T | null, deadline: number, signal: AbortSignal | undefined): Promise<T | null> {
    for (;;) {
      signal?.throwIfAborted();
      const answer = ask();
      if (answer !== null) return answer;
      if (this.#ended) {
        throw new CliError({ code: 'MACHINE_ENDED', message: 'the machine ended while a command ran in it' });
      }
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return null;
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, leftMs);
        signal?.addEventListener('abort', done, { once: true });
        this.#wake = done;
      });
    }
  }

  async #send(line: string): Promise<void> {
    const bytes = new TextEncoder().encode(line);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      if (at > 0) await new Promise((resolve) => setTimeout(resolve, PIECE_PAUSE_MS));
      this.#port.write(bytes.subarray(at, at + PIECE_BYTES));
    }
  }

  async #pump(): Promise<void> {
    try {
      for await (const chunk of this.#port.output) {
        this.#received += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
        if (!this.#collecting) this.#received = this.#received.slice(-IDLE_CHARS);
        this.#wake();
      }
    } catch {
      // A connection that breaks is a machine that ended.
    }
    this.#ended = true;
    this.#wake();
  }
}

function timedOut(message: string, limits: GuestLimits): CliError {
  return new CliError({
    code: 'COMMAND_TIMEOUT',
    message: `${message} within ${Math.round(limits.timeoutMs / 100) / 10} s`,
    hint: 'Give it more time with --timeout; --serial-log FILE shows how far the machine came.',
    details: { timeoutMs: limits.timeoutMs },
  });
}

function tooLarge(maxBytes: number): CliError {
  return new CliError({
    code: 'COMMAND_OUTPUT_TOO_LARGE',
    message: `the command in the machine wrote more than ${maxBytes} bytes`,
    hint: 'Let the command cut its output, for example with `| tail -c 100000`.',
    details: { maxBytes },
  });
}
