import { GoTime } from './go-time.ts';
import { SemanticVersion } from './semantic-version.ts';
import type { Value } from './value.ts';

/** Go's name for the kind of a value (`reflect.Kind`). */
export function kindOf(value: Value): string {
  if (value === undefined || value === null) return 'invalid';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'float64';
  if (Array.isArray(value)) return 'slice';
  if (value instanceof GoTime) return 'struct';
  return value instanceof SemanticVersion ? 'ptr' : 'map';
}

/** Go's name for the type of a value, as `%T` prints it. */
export function typeOf(value: Value): string {
  if (value === undefined || value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (value instanceof GoTime) return 'time.Time';
  if (value instanceof SemanticVersion) return '*semver.Version';
  return value instanceof Map ? 'map[string]interface {}' : kindOf(value);
}

/** Whether `if` takes the value for true. */
export function isTrue(value: Value): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === 'number') return value !== 0;
  if (typeof value === 'bigint') return value !== 0n;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string' || Array.isArray(value)) return value.length > 0;
  return value instanceof Map ? value.size > 0 : true;
}

/** Keys in the order in which Go visits and prints them: by bytes. */
export function sortedKeys(dict: ReadonlyMap<string, Value>): string[] {
  return [...dict.keys()].toSorted(compareText);
}

/** Order of UTF-8 bytes, which is the order of code points. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  let at = 0;
  while (at < left.length && left.charCodeAt(at) === right.charCodeAt(at)) at += 1;
  // Half of a pair would compare below U+E000 to U+FFFF although the whole is above.
  if (at > 0 && isLowSurrogate(left, at) && isLowSurrogate(right, at)) at -= 1;
  return (left.codePointAt(at) ?? -1) < (right.codePointAt(at) ?? -1) ? -1 : 1;
}

function isLowSurrogate(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00;
}
