import type { Value } from '../value/value.ts';
import { toFloat, toInteger, wrap } from './cast.ts';
import { FunctionFailure, type FunctionTable, fn, variadic } from './function.ts';

/** Decimal digits that a float holds for certain; more would show 0.30000000000000004. */
const FLOAT_DIGITS = 16;

const biggest = variadic(['any'], 'any', (_context, first, ...rest) =>
  rest.map(toInteger).reduce((left, right) => (right > left ? right : left), toInteger(first)),
);

/** Numbers. Integers have 64 bits; what is no number counts as 0. */
export const MATH_FUNCTIONS: FunctionTable = {
  add: variadic([], 'any', (_context, ...values) =>
    values.reduce<bigint>((sum, value) => wrap(sum + toInteger(value)), 0n),
  ),
  add1: fn(['any'], (_context, value) => wrap(toInteger(value) + 1n)),
  sub: fn(['any', 'any'], (_context, left, right) => wrap(toInteger(left) - toInteger(right))),
  mul: variadic(['any'], 'any', (_context, first, ...rest) =>
    rest.reduce<bigint>((product, value) => wrap(product * toInteger(value)), toInteger(first)),
  ),
  div: fn(['any', 'any'], (_context, left, right) => wrap(toInteger(left) / divisor(right))),
  mod: fn(['any', 'any'], (_context, left, right) => toInteger(left) % divisor(right)),
  max: biggest,
  biggest,
  min: variadic(['any'], 'any', (_context, first, ...rest) =>
    rest.map(toInteger).reduce((left, right) => (right < left ? right : left), toInteger(first)),
  ),
  addf: variadic([], 'any', (_context, ...values) =>
    decimal(values.reduce<number>((sum, value) => sum + toFloat(value), 0)),
  ),
  add1f: fn(['any'], (_context, value) => decimal(toFloat(value) + 1)),
  subf: variadic(['any'], 'any', (_context, first, ...rest) => fold(first, rest, (left, right) => left - right)),
  mulf: variadic(['any'], 'any', (_context, first, ...rest) => fold(first, rest, (left, right) => left * right)),
  divf: variadic(['any'], 'any', (_context, first, ...rest) =>
    fold(first, rest, (left, right) => {
      if (right === 0) throw new FunctionFailure('division by zero');
      return left / right;
    }),
  ),
  maxf: variadic(['any'], 'any', (_context, first, ...rest) => Math.max(toFloat(first), ...rest.map(toFloat))),
  minf: variadic(['any'], 'any', (_context, first, ...rest) => Math.min(toFloat(first), ...rest.map(toFloat))),
  ceil: fn(['any'], (_context, value) => Math.ceil(toFloat(value))),
  floor: fn(['any'], (_context, value) => Math.floor(toFloat(value))),
  round: variadic(['any', 'int'], 'float', (_context, value, places, roundOn = 0.5) =>
    round(toFloat(value), places, roundOn),
  ),
};

function divisor(value: Value): bigint {
  const integer = toInteger(value);
  if (integer === 0n) throw new FunctionFailure('division by zero');
  return integer;
}

function fold(first: Value, rest: readonly Value[], combine: (left: number, right: number) => number): number {
  return rest.reduce<number>((left, right) => decimal(combine(left, toFloat(right))), toFloat(first));
}

function decimal(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(FLOAT_DIGITS)) : value;
}

function round(value: number, places: number, roundOn: number): number {
  const power = 10 ** places;
  const digit = power * value;
  const fraction = digit - Math.trunc(digit);
  return (fraction >= roundOn ? Math.ceil(digit) : Math.floor(digit)) / power;
}
