import { printFloat } from './float.ts';
import { GoTime } from './go-time.ts';
import { printTime } from './go-time-text.ts';
import { sortedKeys } from './kind.ts';
import { quote } from './quote.ts';
import { SemanticVersion } from './semantic-version.ts';
import type { Value } from './value.ts';

/** Where printing stops: the text would be over the limit of the output anyway. */
const MAX_DEPTH = 200;

/** A value as Go's `%v` prints it. */
export function printValue(value: Value, depth = 0): string {
  if (depth > MAX_DEPTH) throw new RangeError(`a value is nested more than ${MAX_DEPTH} levels deep`);
  if (value === undefined || value === null) return '<nil>';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return printFloat(value);
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return `[${value.map((item) => printValue(item, depth + 1)).join(' ')}]`;
  if (value instanceof GoTime) return printTime(value);
  if (value instanceof SemanticVersion) return value.toString();
  return `map[${sortedKeys(value)
    .map((key) => `${key}:${printValue(value.get(key), depth + 1)}`)
    .join(' ')}]`;
}

/** A value as `%#v` prints it: Go source, near enough to read. */
export function printGoSource(value: Value, depth = 0): string {
  if (depth > MAX_DEPTH) throw new RangeError(`a value is nested more than ${MAX_DEPTH} levels deep`);
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) {
    return `[]interface {}{${value.map((item) => printNested(item, depth + 1)).join(', ')}}`;
  }
  if (value instanceof Map) {
    const entries = sortedKeys(value).map((key) => `${quote(key)}:${printNested(value.get(key), depth + 1)}`);
    return `map[string]interface {}{${entries.join(', ')}}`;
  }
  return printValue(value, depth);
}

function printNested(value: Value, depth: number): string {
  return value === undefined || value === null ? 'interface {}(nil)' : printGoSource(value, depth);
}

/** `print`: a space only between operands that are both no strings. */
export function sprint(values: readonly Value[]): string {
  let out = '';
  values.forEach((value, index) => {
    const previous = values[index - 1];
    if (index > 0 && typeof value !== 'string' && typeof previous !== 'string') out += ' ';
    out += printValue(value);
  });
  return out;
}
