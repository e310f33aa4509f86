import { FunctionFailure, type Parameter } from '../functions/function.ts';
import type { Operand } from '../parse/node.ts';
import { GoTime } from '../value/go-time.ts';
import { typeOf } from '../value/kind.ts';
import type { Value } from '../value/value.ts';

const NAMES: Readonly<Record<Parameter, string>> = {
  any: 'any value',
  string: 'string',
  int: 'int',
  float: 'float64',
  bool: 'bool',
  dict: 'map',
  time: 'time',
};

/** Fits a value to a parameter as Go does; `operand` is given where the value is written as a constant. Throws FunctionFailure. */
export function fitArgument(value: Value, parameter: Parameter, operand?: Operand): Value {
  switch (parameter) {
    case 'any':
      return value === undefined ? null : value;
    case 'int':
      return intArgument(value, operand);
    case 'float':
      if (typeof value === 'bigint' && operand?.kind === 'number') return operand.float;
      return typeof value === 'number' ? value : refuse(value, parameter);
    case 'string':
      return typeof value === 'string' ? value : refuse(value, parameter);
    case 'bool':
      return typeof value === 'boolean' ? value : refuse(value, parameter);
    case 'dict':
      if (value === undefined || value === null) return new Map();
      return value instanceof Map ? value : refuse(value, parameter);
    case 'time':
      return value instanceof GoTime ? value : refuse(value, parameter);
  }
}

function intArgument(value: Value, operand: Operand | undefined): Value {
  const integer = operand?.kind === 'number' ? operand.integer : value;
  if (typeof integer !== 'bigint') return refuse(value, 'int');
  const number = Number(integer);
  if (!Number.isSafeInteger(number)) throw new FunctionFailure('the number is too large');
  return number;
}

function refuse(value: Value, parameter: Parameter): never {
  const found = value === undefined ? 'no value (a missing key)' : value === null ? 'nil' : typeOf(value);
  throw new FunctionFailure(`expected ${NAMES[parameter]}, got ${found}`);
}
