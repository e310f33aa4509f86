import { GoTime } from '../value/go-time.ts';
import { sortedKeys } from '../value/kind.ts';
import { SemanticVersion } from '../value/semantic-version.ts';
import type { Value } from '../value/value.ts';
import { type FunctionContext, FunctionFailure, type FunctionTable, fn, type TemplateFunction } from './function.ts';

/** JSON deeper than this is refused. */
const MAX_DEPTH = 100;

const CHECKED: Readonly<Record<string, TemplateFunction>> = {
  toJson: fn(['any'], (context, value) => escapeMarkup(write(context, value))),
  toRawJson: fn(['any'], (context, value) => write(context, value)),
  toPrettyJson: fn(['any'], (context, value) => escapeMarkup(write(context, value, '  '))),
  fromJson: fn(['string'], (_context, text) => {
    try {
      return fromJson(JSON.parse(text), 0);
    } catch (error) {
      if (error instanceof FunctionFailure) throw error;
      throw new FunctionFailure('the text is not JSON');
    }
  }),
};

/** JSON. */
export const JSON_FUNCTIONS: FunctionTable = {
  ...CHECKED,
  ...Object.fromEntries(
    Object.entries(CHECKED).map(([name, run]) => [`must${name.slice(0, 1).toUpperCase()}${name.slice(1)}`, run]),
  ),
};

/** Numbers of JSON are floats in Go, whole ones too. */
function fromJson(value: unknown, depth: number): Value {
  if (depth > MAX_DEPTH) throw new FunctionFailure(`JSON that is nested more than ${MAX_DEPTH} levels deep`);
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map((item) => fromJson(item, depth + 1));
  if (typeof value !== 'object' || value === null) return null;
  return new Map(Object.entries(value).map(([key, item]) => [key, fromJson(item, depth + 1)]));
}

function write(context: FunctionContext, value: Value, indent = '', depth = 0): string {
  context.budget.step();
  if (depth > MAX_DEPTH) throw new FunctionFailure(`a value that is nested more than ${MAX_DEPTH} levels deep`);
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return JSON.stringify(value.toWellFormed());
  if (typeof value === 'number') return writeFloat(value);
  if (value instanceof GoTime) return JSON.stringify(new Date(value.epochMs).toISOString().replace(/\.000Z$/, 'Z'));
  if (value instanceof SemanticVersion) return JSON.stringify(String(value));
  const items = Array.isArray(value)
    ? value.map((item) => write(context, item, indent, depth + 1))
    : sortedKeys(value).map(
        (key) =>
          `${JSON.stringify(key)}:${indent === '' ? '' : ' '}${write(context, value.get(key), indent, depth + 1)}`,
      );
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  if (indent === '' || items.length === 0) return `${open}${items.join(',')}${close}`;
  const line = `\n${indent.repeat(depth)}`;
  return `${open}${items.map((item) => `${line}${indent}${item}`).join(',')}${line}${close}`;
}

function writeFloat(value: number): string {
  if (!Number.isFinite(value)) throw new FunctionFailure('this number cannot be written as JSON');
  return JSON.stringify(value);
}

/** Go writes these so that the text may stand inside HTML. */
function escapeMarkup(json: string): string {
  return json.replaceAll(/[<>&\u2028\u2029]/g, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
