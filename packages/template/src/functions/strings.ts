import { compareText } from '../value/kind.ts';
import { quote } from '../value/quote.ts';
import type { Value } from '../value/value.ts';
import { toText, toTexts } from './cast.ts';
import { type FunctionContext, FunctionFailure, type FunctionTable, fn, variadic } from './function.ts';

const trimAll = fn(['string', 'string'], (_context, cutset, text) => trimSet(text, cutset));

/** Text: cutting, joining, searching. Lengths and positions count bytes, as in Go. */
export const STRING_FUNCTIONS: FunctionTable = {
  trim: fn(['string'], (_context, text) => trimSpace(text)),
  trimAll,
  trimall: trimAll,
  trimPrefix: fn(['string', 'string'], (_context, prefix, text) =>
    text.startsWith(prefix) ? text.slice(prefix.length) : text,
  ),
  trimSuffix: fn(['string', 'string'], (_context, suffix, text) =>
    suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text,
  ),
  upper: fn(['string'], (_context, text) => text.toUpperCase()),
  lower: fn(['string'], (_context, text) => text.toLowerCase()),
  contains: fn(['string', 'string'], (_context, part, text) => text.includes(part)),
  hasPrefix: fn(['string', 'string'], (_context, prefix, text) => text.startsWith(prefix)),
  hasSuffix: fn(['string', 'string'], (_context, suffix, text) => text.endsWith(suffix)),
  repeat: fn(['int', 'string'], (context, count, text) => {
    if (count < 0) throw new FunctionFailure('the count is negative');
    context.budget.text(text.length * count);
    return text.repeat(count);
  }),
  replace: fn(['string', 'string', 'string'], (context, from, to, text) => replaceAll(context, text, from, to)),
  substr: fn(['int', 'int', 'string'], (_context, start, end, text) => {
    if (start < 0) return cut(text, 0, end);
    return cut(text, start, end < 0 ? undefined : end);
  }),
  trunc: fn(['int', 'string'], (_context, count, text) => truncate(text, count)),
  nospace: fn(['string'], (_context, text) => text.replaceAll(/\s/g, '')),
  indent: fn(['int', 'string'], (context, spaces, text) => indent(context, spaces, text)),
  nindent: fn(['int', 'string'], (context, spaces, text) => `\n${indent(context, spaces, text)}`),
  quote: variadic([], 'any', (_context, ...values) =>
    presentTexts(values)
      .map((text) => quote(text))
      .join(' '),
  ),
  squote: variadic([], 'any', (_context, ...values) =>
    presentTexts(values)
      .map((text) => `'${text}'`)
      .join(' '),
  ),
  cat: variadic([], 'any', (_context, ...values) => presentTexts(values).join(' ')),
  plural: fn(['string', 'string', 'int'], (_context, one, many, count) => (count === 1 ? one : many)),
  split: fn(['string', 'string'], (_context, separator, text) => numbered(splitText(text, separator))),
  splitn: fn(['string', 'int', 'string'], (_context, separator, count, text) =>
    numbered(splitLimited(text, separator, count)),
  ),
  splitList: fn(['string', 'string'], (_context, separator, text) => splitText(text, separator)),
  join: fn(['string', 'any'], (context, separator, value) => {
    const texts = toTexts(value);
    context.budget.text(separator.length * texts.length);
    return texts.join(separator);
  }),
  sortAlpha: fn(['any'], (_context, value) => toTexts(value).toSorted(compareText)),
};

/** Text of the values that are not nil. */
function presentTexts(values: readonly Value[]): string[] {
  return values.filter((value) => value !== null && value !== undefined).map(toText);
}

/** Bytes from `start` to `end`. Throws FunctionFailure when that is outside the text. */
function cut(text: string, start: number, end: number | undefined): string {
  const bytes = new TextEncoder().encode(text);
  const stop = end === undefined || (end > bytes.length && start >= 0) ? bytes.length : end;
  if (start > bytes.length || stop < start) throw new FunctionFailure('the positions are outside the text');
  return new TextDecoder().decode(bytes.subarray(start, stop));
}

function truncate(text: string, count: number): string {
  const bytes = new TextEncoder().encode(text);
  if (count < 0)
    return bytes.length + count > 0 ? new TextDecoder().decode(bytes.subarray(bytes.length + count)) : text;
  return bytes.length > count ? new TextDecoder().decode(bytes.subarray(0, count)) : text;
}

function trimSpace(text: string): string {
  return text.replaceAll(/^[\s\u0085]+/g, '').trimEnd();
}

function trimSet(text: string, cutset: string): string {
  const characters = Array.from(text);
  const isCut = (character: string | undefined) => character !== undefined && cutset.includes(character);
  let start = 0;
  let end = characters.length;
  while (start < end && isCut(characters[start])) start += 1;
  while (end > start && isCut(characters[end - 1])) end -= 1;
  return characters.slice(start, end).join('');
}

function replaceAll(context: FunctionContext, text: string, from: string, to: string): string {
  const pieces = splitText(text, from);
  const padded = from === '' ? ['', ...pieces, ''] : pieces;
  context.budget.text(text.length + to.length * padded.length);
  return padded.join(to);
}

function splitText(text: string, separator: string): string[] {
  return separator === '' ? Array.from(text) : text.split(separator);
}

function splitLimited(text: string, separator: string, count: number): string[] {
  const pieces = splitText(text, separator);
  if (count === 0) return [];
  if (count < 0 || pieces.length <= count) return pieces;
  return [...pieces.slice(0, count - 1), pieces.slice(count - 1).join(separator)];
}

function numbered(pieces: readonly string[]): Value {
  return new Map(pieces.map((piece, index) => [`_${index}`, piece]));
}

function indent(context: FunctionContext, spaces: number, text: string): string {
  if (spaces < 0) throw new FunctionFailure('the count is negative');
  const lines = text.split('\n');
  context.budget.text(text.length + spaces * lines.length);
  const pad = ' '.repeat(spaces);
  return lines.map((line) => pad + line).join('\n');
}
