import type { GoTime } from './go-time.ts';
import type { SemanticVersion } from './semantic-version.ts';

/** A map; keys are text, as in everything that comes from YAML or JSON. */
export type Dict = Map<string, Value>;

/**
 * What templates work with. Integers are bigint and floats number, because Go prints and computes them differently.
 * `undefined` is Go's zero Value: the result of looking up a key that is not there.
 */
export type Value = undefined | null | boolean | bigint | number | string | Value[] | Dict | GoTime | SemanticVersion;

/** Data deeper than this is refused: it is cyclic, or made to hurt. */
const MAX_DATA_DEPTH = 100;

/** Data of the caller as values of templates. Throws RangeError when it is nested too deeply. */
export function toValue(data: unknown, depth = 0): Value {
  if (depth > MAX_DATA_DEPTH) throw new RangeError(`data is nested more than ${MAX_DATA_DEPTH} levels deep`);
  switch (typeof data) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return data;
    case 'number':
      return Number.isSafeInteger(data) ? BigInt(data) : data;
    case 'object':
      return objectValue(data, depth);
    default:
      return null;
  }
}

function objectValue(data: object | null, depth: number): Value {
  if (data === null) return null;
  if (Array.isArray(data)) return data.map((item) => toValue(item, depth + 1));
  const entries: Iterable<[unknown, unknown]> = data instanceof Map ? data : Object.entries(data);
  const dict: Dict = new Map();
  for (const [key, value] of entries) dict.set(String(key), toValue(value, depth + 1));
  return dict;
}
