import { typeOf } from '../value/kind.ts';
import { printValue } from '../value/print.ts';
import type { Value } from '../value/value.ts';
import { FunctionFailure } from './function.ts';

/** A value as text, as `toString` and everything that joins values see it. */
export function toText(value: Value): string {
  return printValue(value);
}

/** A value as an integer of 64 bits; what is none is 0. Text may be decimal, 0x, 0o, 0b or octal with a leading 0. */
export function toInteger(value: Value): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? wrap(BigInt(Math.trunc(value))) : 0n;
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value !== 'string') return 0n;
  const text = value.replace(/\.0*$/, '');
  const [, sign, digits = ''] = /^([+-]?)(0x[\da-f]+|0b[01]+|0o?[0-7]*|[1-9]\d*)$/i.exec(text) ?? [];
  if (digits === '') return 0n;
  const integer = BigInt(digits.replace(/^0+(?=[0-7]+$)/, '0o'));
  const signed = sign === '-' ? -integer : integer;
  return BigInt.asIntN(64, signed) === signed ? signed : 0n;
}

/** A value as a float; what is none is 0. */
export function toFloat(value: Value): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value !== 'string' || !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value)) return 0;
  return Number(value);
}

/** Arithmetic wraps around at 64 bits, as in Go. */
export function wrap(value: bigint): bigint {
  return BigInt.asIntN(64, value);
}

/** A list as it is. Throws FunctionFailure for anything else. */
export function toList(value: Value): Value[] {
  if (Array.isArray(value)) return value;
  throw new FunctionFailure(`expected a list, got ${value === null || value === undefined ? 'nil' : typeOf(value)}`);
}

/** Texts of a list without nil; anything else is a list of one. */
export function toTexts(value: Value): string[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) return [toText(value)];
  return value.filter((item) => item !== null && item !== undefined).map(toText);
}
