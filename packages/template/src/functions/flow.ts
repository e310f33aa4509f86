import { deepEquals } from '../value/compare.ts';
import { isTrue, kindOf, typeOf } from '../value/kind.ts';
import type { Value } from '../value/value.ts';
import { toFloat, toInteger, toText, toTexts } from './cast.ts';
import { FunctionFailure, type FunctionTable, fn, variadic } from './function.ts';

/** Messages that a template gives are cut to this many characters. */
const MAX_MESSAGE = 300;

/** Defaults, conditions, and what a value is. */
export const FLOW_FUNCTIONS: FunctionTable = {
  default: variadic(['any'], 'any', (_context, fallback, given) => (isTrue(given) ? given : fallback)),
  empty: fn(['any'], (_context, value) => !isTrue(value)),
  coalesce: variadic([], 'any', (_context, ...values) => values.find(isTrue) ?? null),
  all: variadic([], 'any', (_context, ...values) => values.every(isTrue)),
  any: variadic([], 'any', (_context, ...values) => values.some(isTrue)),
  ternary: fn(['any', 'any', 'bool'], (_context, yes, no, condition) => (condition ? yes : no)),
  fail: fn(['string'], (_context, message) => stop(message)),
  required: fn(['string', 'any'], (_context, message, value) =>
    value === null || value === undefined || value === '' ? stop(message) : value,
  ),
  hello: fn([], () => 'Hello!'),
  kindOf: fn(['any'], (_context, value) => kindOf(value)),
  kindIs: fn(['string', 'any'], (_context, kind, value) => kindOf(value) === kind),
  typeOf: fn(['any'], (_context, value) => typeOf(value)),
  typeIs: fn(['string', 'any'], (_context, type, value) => typeOf(value) === type),
  typeIsLike: fn(['string', 'any'], (_context, type, value) => [type, `*${type}`].includes(typeOf(value))),
  deepEqual: fn(['any', 'any'], (_context, left, right) => deepEquals(left, right)),
  toString: fn(['any'], (_context, value) => toText(value)),
  toStrings: fn(['any'], (_context, value) => toTexts(value)),
  atoi: fn(['string'], (_context, text) =>
    /^[+-]?\d+$/.test(text) ? toInteger(text.replace(/^([+-]?)0+(?=\d)/, '$1')) : 0n,
  ),
  int: fn(['any'], (_context, value) => toInteger(value)),
  int64: fn(['any'], (_context, value) => toInteger(value)),
  float64: fn(['any'], (_context, value) => toFloat(value)),
  toDecimal: fn(['any'], (_context, value) => octal(toText(value))),
};

function stop(message: string): never {
  throw new FunctionFailure(message.slice(0, MAX_MESSAGE));
}

function octal(text: string): Value {
  return /^[0-7]{1,20}$/.test(text) ? BigInt(`0o${text}`) : 0n;
}
