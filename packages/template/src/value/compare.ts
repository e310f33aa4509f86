import { GoTime } from './go-time.ts';
import { compareText } from './kind.ts';
import { SemanticVersion } from './semantic-version.ts';
import type { Value } from './value.ts';

/** Two values that `eq` or `lt` cannot compare. */
export type Incomparable = 'incompatible types for comparison' | 'invalid type for comparison' | 'non-comparable type';

/** Go template's `eq` for two values; text says why they cannot be compared. */
export function equals(left: Value, right: Value): boolean | Incomparable {
  const absent = [left, right].filter((value) => value === undefined || value === null).length;
  if (absent > 0) return absent === 2;
  if (isCompound(left) || isCompound(right)) return 'non-comparable type';
  if (left instanceof GoTime && right instanceof GoTime) return left.epochMs === right.epochMs;
  if (typeof left !== typeof right) return 'incompatible types for comparison';
  return left === right;
}

/** Go template's `lt`; text says why they cannot be compared. */
export function isLess(left: Value, right: Value): boolean | Incomparable {
  for (const value of [left, right]) {
    if (!['string', 'bigint', 'number'].includes(typeof value)) return 'invalid type for comparison';
  }
  if (typeof left === 'string' && typeof right === 'string') return compareText(left, right) < 0;
  if (typeof left === 'bigint' && typeof right === 'bigint') return left < right;
  if (typeof left === 'number' && typeof right === 'number') return left < right;
  return 'incompatible types for comparison';
}

/** Go's reflect.DeepEqual for what templates work with. */
export function deepEquals(left: Value, right: Value): boolean {
  if (left === right) return true;
  const leftAbsent = left === undefined || left === null;
  const rightAbsent = right === undefined || right === null;
  if (leftAbsent || rightAbsent) return leftAbsent && rightAbsent;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => deepEquals(item, right[index]));
  }
  if (left instanceof Map && right instanceof Map) {
    return (
      left.size === right.size && [...left].every(([key, item]) => right.has(key) && deepEquals(item, right.get(key)))
    );
  }
  if (left instanceof GoTime && right instanceof GoTime) return left.epochMs === right.epochMs;
  if (left instanceof SemanticVersion && right instanceof SemanticVersion) return String(left) === String(right);
  return false;
}

function isCompound(value: Value): boolean {
  return Array.isArray(value) || value instanceof Map;
}
