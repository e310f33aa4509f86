import { isTrue, sortedKeys } from '../value/kind.ts';
import type { Dict, Value } from '../value/value.ts';
import { toText } from './cast.ts';
import { type FunctionContext, FunctionFailure, type FunctionTable, fn, variadic } from './function.ts';

const merge = variadic(['dict'], 'dict', (context, target, ...others) => {
  for (const other of others) mergeInto(context, target, other, false);
  return target;
});
const mergeOverwrite = variadic(['dict'], 'dict', (context, target, ...others) => {
  for (const other of others) mergeInto(context, target, other, true);
  return target;
});
const deepCopy = fn(['any'], (context, value) => copy(context, value));

/** Maps. Keys and values come in the order of the keys, so that a template always prints the same. */
export const DICT_FUNCTIONS: FunctionTable = {
  dict: variadic([], 'any', (_context, ...parts) => {
    const made: Dict = new Map();
    for (let at = 0; at < parts.length; at += 2)
      made.set(toText(parts[at]), at + 1 < parts.length ? parts[at + 1] : '');
    return made;
  }),
  get: fn(['dict', 'string'], (_context, dict, key) => (dict.has(key) ? dict.get(key) : '')),
  set: fn(['dict', 'string', 'any'], (_context, dict, key, value) => dict.set(key, value)),
  unset: fn(['dict', 'string'], (_context, dict, key) => {
    dict.delete(key);
    return dict;
  }),
  hasKey: fn(['dict', 'string'], (_context, dict, key) => dict.has(key)),
  pluck: variadic(['string'], 'dict', (_context, key, ...dicts) =>
    dicts.filter((dict) => dict.has(key)).map((dict) => dict.get(key)),
  ),
  keys: variadic([], 'dict', (_context, ...dicts) => dicts.flatMap((dict) => sortedKeys(dict))),
  values: fn(['dict'], (_context, dict) => sortedKeys(dict).map((key) => dict.get(key))),
  pick: variadic(
    ['dict'],
    'string',
    (_context, dict, ...keys) => new Map([...dict].filter(([key]) => keys.includes(key))),
  ),
  omit: variadic(
    ['dict'],
    'string',
    (_context, dict, ...keys) => new Map([...dict].filter(([key]) => !keys.includes(key))),
  ),
  dig: variadic(['any', 'any'], 'any', (_context, ...path) => dig(path)),
  merge,
  mustMerge: merge,
  mergeOverwrite,
  mustMergeOverwrite: mergeOverwrite,
  deepCopy,
  mustDeepCopy: deepCopy,
};

function dig(path: readonly Value[]): Value {
  const dict = path.at(-1);
  const fallback = path.at(-2);
  if (path.length < 3) throw new FunctionFailure('needs at least one key, a default and a map');
  let value: Value = dict;
  for (const key of path.slice(0, -2)) {
    if (!(value instanceof Map)) throw new FunctionFailure('there is something that is not a map on the way');
    const name = toText(key);
    if (!value.has(name)) return fallback;
    value = value.get(name);
  }
  return value;
}

/** Fills what is empty in `target`, or with `overwrite` replaces everything. */
function mergeInto(context: FunctionContext, target: Dict, source: Dict, overwrite: boolean): void {
  for (const [key, value] of source) {
    context.budget.step();
    const present = target.get(key);
    if (present instanceof Map && value instanceof Map) {
      if (present !== value) mergeInto(context, present, value, overwrite);
    } else if (!target.has(key) || overwrite || !isTrue(present)) {
      target.set(key, value);
    }
  }
}

function copy(context: FunctionContext, value: Value): Value {
  context.budget.step();
  if (Array.isArray(value)) return value.map((item) => copy(context, item));
  return value instanceof Map ? new Map([...value].map(([key, item]) => [key, copy(context, item)])) : value;
}
