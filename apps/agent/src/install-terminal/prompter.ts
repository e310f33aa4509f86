import type { Readable, Writable } from 'node:stream';

/** Where questions are read from and written to. */
export interface TerminalStreams {
  input: Readable;
  output: Writable & { columns?: number; rows?: number; isTTY?: boolean };
}

/** One answer of a list. */
export interface PromptOption {
  value: string;
  label: string;
  /** More about it, shown beside or below. */
  hint?: string;
  /** Shown, and cannot be chosen. */
  disabled?: boolean;
}

/** A question with a free answer. */
export interface PromptText {
  message: string;
  /** Shown where nothing was typed yet; never an answer. */
  example?: string;
  /** What is wrong with an answer, in a sentence; undefined when nothing is. */
  check?: (value: string) => string | undefined;
}

/** Asks people at a terminal. Every question throws an AbortError when it is broken off (Ctrl-C, the end of the input). */
export interface Prompter {
  /** A headline. */
  begin(title: string): void;
  /** Lines to read, under a title. */
  show(title: string, lines: readonly string[]): void;
  /** One thing that is wrong. */
  warn(line: string): void;
  select(message: string, options: readonly PromptOption[]): Promise<string>;
  text(question: PromptText): Promise<string>;
  /** As {@link text}; what is typed does not show. */
  password(question: PromptText): Promise<string>;
  /** True for yes; `usual` is what most people answer, where there is no harm in it. */
  confirm(message: string, usual?: boolean): Promise<boolean>;
  end(line: string): void;
}

/** What a question throws that was broken off: exit code 130. */
export function brokenOff(): Error {
  return Object.assign(new Error('the installation was broken off; nothing was written'), {
    name: 'AbortError',
    code: 'ABORTED',
  });
}
