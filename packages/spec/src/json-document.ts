import type * as z from 'zod';
import { SpecError, type SpecErrorCode } from './error.ts';
import { canonicalJson } from './identity/canonical-json.ts';
import { formatPath } from './yaml/located.ts';

/** A kind of JSON document that programs write and people only read. */
export interface JsonDocumentKind<T> {
  schema: z.ZodType<T>;
  code: SpecErrorCode;
  /** For messages: `lock`. */
  noun: string;
  /** Key that names the version of the format, and the newest version this code reads. */
  version: { key: string; current: number };
  maxBytes: number;
  hint: string;
}

/** Reads such a document; what is wrong throws the kind's code, with all reasons in one message and the version checked first. */
export function parseJsonDocument<T>(kind: JsonDocumentKind<T>, text: string, path: string): T {
  const fail = (reason: string, hint: string = kind.hint): SpecError =>
    new SpecError({ code: kind.code, message: `The ${kind.noun} ${path} cannot be used: ${reason}.`, hint });
  if (text.length > kind.maxBytes) throw fail(`it is larger than ${kind.maxBytes} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes the text.
    throw fail('it is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fail('it is not a JSON object');
  const version = (value as Record<string, unknown>)[kind.version.key];
  if (typeof version === 'number' && version > kind.version.current) {
    throw fail(
      `${kind.version.key} ${version} is newer than this Bowline reads`,
      'Use the Bowline that wrote it, or a newer one.',
    );
  }
  const result = kind.schema.safeParse(value);
  if (result.success) return result.data;
  const reasons = result.error.issues.slice(0, 20).map((issue) => {
    const where = formatPath(issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step)));
    return where === '' ? issue.message : `${where}: ${issue.message}`;
  });
  throw fail(reasons.join('; '));
}

/** Pretty JSON with sorted keys and a line break at the end: the same value gives the same bytes, and changes make small diffs. */
export function formatJsonDocument(value: unknown): string {
  return `${JSON.stringify(JSON.parse(canonicalJson(value)), null, 2)}\n`;
}
