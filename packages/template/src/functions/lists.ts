import { deepEquals } from '../value/compare.ts';
import { isTrue } from '../value/kind.ts';
import type { Value } from '../value/value.ts';
import { toList } from './cast.ts';
import {
  type FunctionContext,
  FunctionFailure,
  type FunctionTable,
  fn,
  type TemplateFunction,
  variadic,
} from './function.ts';

/** Lists longer than this are refused. */
const MAX_ITEMS = 100_000;

const list = variadic([], 'any', (_context, ...items) => items);
const append = fn(['any', 'any'], (_context, items, item) => [...toList(items), item]);

/** Functions that have a `must` twin; here both fail alike, because none may end the process. */
const CHECKED: Readonly<Record<string, TemplateFunction>> = {
  append,
  push: append,
  prepend: fn(['any', 'any'], (_context, items, item) => [item, ...toList(items)]),
  first: fn(['any'], (_context, items) => toList(items)[0] ?? null),
  last: fn(['any'], (_context, items) => toList(items).at(-1) ?? null),
  rest: fn(['any'], (_context, items) => toList(items).slice(1)),
  initial: fn(['any'], (_context, items) => toList(items).slice(0, -1)),
  reverse: fn(['any'], (_context, items) => toList(items).toReversed()),
  uniq: fn(['any'], (context, items) => unique(context, toList(items))),
  without: variadic(['any'], 'any', (context, items, ...gone) => without(context, toList(items), gone)),
  has: fn(['any', 'any'], (context, needle, items) => has(context, needle, items)),
  compact: fn(['any'], (_context, items) => toList(items).filter(isTrue)),
  slice: variadic(['any'], 'int', (_context, items, start, end) => slice(toList(items), start, end)),
  chunk: fn(['int', 'any'], (_context, size, items) => chunk(toList(items), size)),
};

/** Lists. */
export const LIST_FUNCTIONS: FunctionTable = {
  list,
  tuple: list,
  ...CHECKED,
  ...Object.fromEntries(
    Object.entries(CHECKED).map(([name, run]) => [`must${name.slice(0, 1).toUpperCase()}${name.slice(1)}`, run]),
  ),
  concat: variadic([], 'any', (context, ...lists) => {
    const total = lists.reduce<number>((sum, items) => sum + toList(items).length, 0);
    checkLength(context, total);
    return lists.flatMap((items) => toList(items));
  }),
  until: fn(['int'], (context, stop) => sequence(context, 0, stop, stop < 0 ? -1 : 1)),
  untilStep: fn(['int', 'int', 'int'], (context, start, stop, step) => sequence(context, start, stop, step)),
  seq: variadic([], 'int', (context, ...bounds) => seq(context, bounds).join(' ')),
};

function unique(context: FunctionContext, items: readonly Value[]): Value[] {
  const found: Value[] = [];
  for (const item of items) {
    context.budget.step(found.length >> 3);
    if (!found.some((other) => deepEquals(other, item))) found.push(item);
  }
  return found;
}

function without(context: FunctionContext, items: readonly Value[], gone: readonly Value[]): Value[] {
  context.budget.step((items.length * gone.length) >> 3);
  return items.filter((item) => !gone.some((other) => deepEquals(other, item)));
}

function has(context: FunctionContext, needle: Value, items: Value): boolean {
  if (items === null || items === undefined) return false;
  const haystack = toList(items);
  context.budget.step(haystack.length >> 3);
  return haystack.some((item) => deepEquals(item, needle));
}

function slice(items: readonly Value[], start = 0, end = items.length): Value {
  if (items.length === 0) return null;
  if (start < 0 || end > items.length || start > end) throw new FunctionFailure('the positions are outside the list');
  return items.slice(start, end);
}

function chunk(items: readonly Value[], size: number): Value[] {
  if (size < 1) throw new FunctionFailure('the size must be 1 or more');
  const chunks: Value[] = [];
  for (let at = 0; at < items.length; at += size) chunks.push(items.slice(at, at + size));
  return chunks;
}

function sequence(context: FunctionContext, start: number, stop: number, step: number): bigint[] {
  if ((stop < start && step >= 0) || (stop >= start && step <= 0)) return [];
  const count = Math.ceil((stop - start) / step);
  checkLength(context, count);
  return Array.from({ length: count }, (_none, index) => BigInt(start + index * step));
}

function seq(context: FunctionContext, bounds: readonly number[]): bigint[] {
  const [first = 0, second = 0, third = 0] = bounds;
  if (bounds.length === 1) return towards(context, 1, first);
  if (bounds.length === 2) return towards(context, first, second);
  if (bounds.length !== 3 || (third < first && second > 0)) return [];
  return sequence(context, first, third + (third < first ? -1 : 1), second);
}

function towards(context: FunctionContext, start: number, end: number): bigint[] {
  const step = end < start ? -1 : 1;
  return sequence(context, start, end + step, step);
}

function checkLength(context: FunctionContext, length: number): void {
  if (length > MAX_ITEMS) throw new FunctionFailure(`a list of more than ${MAX_ITEMS} items`);
  context.budget.step(length);
}
