import { BowlineError } from '@bowline/errors';

/** What a failure looks like in `--json`. */
export interface ErrorDocument {
  error: { code: string; message: string; hint?: string; details?: Record<string, unknown> };
}

/** A failure as data. Errors that were not thrown on purpose have the code INTERNAL, or the system's own. */
export function errorDocument(error: unknown): ErrorDocument {
  if (error instanceof BowlineError) {
    return {
      error: {
        code: error.code,
        message: error.message,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
        ...(error.details === undefined ? {} : { details: error.details }),
      },
    };
  }
  if (error instanceof Error) {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : 'INTERNAL';
    return { error: { code, message: error.message } };
  }
  return { error: { code: 'INTERNAL', message: String(error) } };
}

/** A failure for people: code, what, and the cure. */
export function failureText(error: unknown, options: { stack: boolean }): string {
  const { code, message, hint } = errorDocument(error).error;
  const lines = [`error: ${message} (${code})`, ...(hint === undefined || hint === '' ? [] : [`hint: ${hint}`])];
  if (!(error instanceof BowlineError) && options.stack && error instanceof Error && error.stack !== undefined) {
    lines.push(error.stack);
  }
  return `${lines.join('\n')}\n`;
}
