import { styleText } from 'node:util';
import { BowlineError } from '@bowline/errors';
import { formatProblems, type Problem } from '@bowline/spec';
import type { Outcome } from './command.ts';

/** What a failure looks like in `--json`. */
export interface ErrorDocument {
  error: { code: string; message: string; hint?: string; details?: Record<string, unknown> };
}

/** A failure as data. Errors that Bowline did not throw on purpose have the code INTERNAL, or the system's own. */
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

/** One JSON document with a line end. Large integers and bytes become text, so that printing never fails. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(
    value,
    (_key, item: unknown) => {
      if (typeof item === 'bigint') return String(item);
      return item instanceof Uint8Array ? Buffer.from(item).toString('base64') : item;
    },
    2,
  );
  return `${text ?? 'null'}\n`;
}

/** What standard output gets for a result. */
export function outcomeBytes(outcome: Outcome, json: boolean): Uint8Array {
  if (json) return Buffer.from(jsonText(outcome.json));
  const text = outcome.text === '' ? '' : `${outcome.text.replace(/\n+$/, '')}\n`;
  return Buffer.concat([outcome.bytes ?? new Uint8Array(), Buffer.from(text)]);
}

/** A failure for people: what, every problem of a document or the last lines of a console, and the cure. */
export function failureText(error: unknown, options: { colours: boolean; stack: boolean }): string {
  const { code, message, hint, details } = errorDocument(error).error;
  const paint = (format: 'red' | 'dim', text: string) =>
    options.colours ? styleText(format, text, { validateStream: false }) : text;
  const problems = problemsOf(details);
  const tail = Array.isArray(details?.['serialTail']) ? details['serialTail'].map(String) : [];
  const lines = [
    problems.length > 0 ? formatProblems(problems) : `${paint('red', 'error:')} ${message}`,
    ...(tail.length > 0 ? ['last lines of the console:', ...tail.map((line) => paint('dim', `  | ${line}`))] : []),
    ...(hint === undefined ? [] : [`hint: ${hint}`]),
  ];
  if (!(error instanceof BowlineError)) {
    lines.push(`This is a fault of Bowline, or of this machine (${code}); BOWLINE_STACK=1 shows where it happened.`);
    if (options.stack && error instanceof Error && error.stack !== undefined) lines.push(error.stack);
  }
  return `${lines.join('\n')}\n`;
}

/** Whether a stream shows colours: a terminal that is not dumb, and NO_COLOR (https://no-color.org) is not set. */
export function hasColours(stream: { isTTY?: boolean }, env: Readonly<Record<string, string | undefined>>): boolean {
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

function problemsOf(details: Record<string, unknown> | undefined): Problem[] {
  const problems = details?.['problems'];
  return Array.isArray(problems) ? (problems as Problem[]) : [];
}
