import { equals, isLess } from '../value/compare.ts';
import { sprintf } from '../value/format.ts';
import { isTrue, typeOf } from '../value/kind.ts';
import { printValue, sprint } from '../value/print.ts';
import type { Value } from '../value/value.ts';
import { FunctionFailure, type FunctionTable, fn, variadic } from './function.ts';

const HTML: Readonly<Record<string, string>> = {
  '\0': '\ufffd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
};

/** Functions of text/template itself; `and` and `or` are the executor's, because they do not compute all arguments. */
export const BUILTIN_FUNCTIONS: FunctionTable = {
  not: fn(['any'], (_context, value) => !isTrue(value)),
  eq: variadic(['any', 'any'], 'any', (_context, first, ...others) => others.some((other) => isEqual(first, other))),
  ne: fn(['any', 'any'], (_context, left, right) => !isEqual(left, right)),
  lt: fn(['any', 'any'], (_context, left, right) => less(left, right)),
  le: fn(['any', 'any'], (_context, left, right) => less(left, right) || isEqual(left, right)),
  gt: fn(['any', 'any'], (_context, left, right) => !less(left, right) && !isEqual(left, right)),
  ge: fn(['any', 'any'], (_context, left, right) => !less(left, right)),
  len: fn(['any'], (_context, value) => BigInt(lengthOf(value))),
  index: variadic(['any'], 'any', (_context, value, ...keys) => keys.reduce<Value>(item, value)),
  print: variadic([], 'any', (_context, ...values) => sprint(values)),
  println: variadic([], 'any', (_context, ...values) => `${values.map((value) => printValue(value)).join(' ')}\n`),
  printf: variadic(['string'], 'any', (context, format, ...values) => {
    context.budget.text(format.length);
    return sprintf(format, values);
  }),
  html: variadic([], 'any', (_context, ...values) =>
    textOf(values).replaceAll(/[\0"'&<>]/g, (found) => HTML[found] ?? ''),
  ),
  js: variadic([], 'any', (_context, ...values) => escapeScript(textOf(values))),
  urlquery: variadic([], 'any', (_context, ...values) => escapeQuery(textOf(values))),
};

/** Text as part of a query string: spaces become +. */
function escapeQuery(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replaceAll(/[!'()*]/g, (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}

/** Number of bytes, items or keys. Throws FunctionFailure. */
function lengthOf(value: Value): number {
  if (typeof value === 'string') return new TextEncoder().encode(value).length;
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  throw new FunctionFailure(
    value === null || value === undefined ? 'nil has no length' : `${typeOf(value)} has no length`,
  );
}

function isEqual(left: Value, right: Value): boolean {
  const result = equals(left, right);
  if (typeof result === 'string') throw new FunctionFailure(result);
  return result;
}

function less(left: Value, right: Value): boolean {
  const result = isLess(left, right);
  if (typeof result === 'string') throw new FunctionFailure(result);
  return result;
}

function item(value: Value, key: Value): Value {
  if (value === null || value === undefined) throw new FunctionFailure('nil has no items');
  if (value instanceof Map) {
    if (typeof key !== 'string') throw new FunctionFailure(`a map is indexed by text, not by ${typeOf(key)}`);
    return value.get(key);
  }
  if (!Array.isArray(value) && typeof value !== 'string') throw new FunctionFailure(`${typeOf(value)} has no items`);
  if (typeof key !== 'bigint') throw new FunctionFailure(`a list is indexed by a number, not by ${typeOf(key)}`);
  const items = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  if (key < 0n || key >= BigInt(items.length)) {
    throw new FunctionFailure(`index ${key} is out of range: there are ${items.length} items`);
  }
  const found = items[Number(key)];
  return typeof found === 'number' && typeof value === 'string' ? BigInt(found) : found;
}

function textOf(values: readonly Value[]): string {
  const [only] = values;
  return values.length === 1 && typeof only === 'string' ? only : sprint(values);
}

function escapeScript(text: string): string {
  return text.replaceAll(/[\\'"<>&=\x00-\x1f\x7f\u0080-\u009f\u2028\u2029]/g, (found) => {
    if (found === '\\' || found === "'" || found === '"') return `\\${found}`;
    return `\\u${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  });
}
