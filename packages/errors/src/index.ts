/** What a failure carries besides its sentence. */
export interface ErrorParts<C extends string> {
  /** Stable identifier, UPPER_SNAKE; one table maps it to an exit code, one to an HTTP status. */
  code: C;
  /** One sentence a person understands: what failed and where. */
  message: string;
  /** What to do about it. */
  hint?: string | undefined;
  /** Structured facts for `--json`; never secrets. */
  details?: Record<string, unknown> | undefined;
  cause?: unknown;
}

/** Base of every error Bowline throws on purpose. Each package extends it once with its own union of codes. */
export class BowlineError<C extends string = string> extends Error {
  readonly code: C;
  readonly hint: string | undefined;
  readonly details: Record<string, unknown> | undefined;

  constructor(parts: ErrorParts<C>) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = new.target.name;
    this.code = parts.code;
    this.hint = parts.hint;
    this.details = parts.details;
  }
}
