import { SpecError } from '../error.ts';

/**
 * The one way to write a JSON value, after RFC 8785 (JCS): keys sorted by UTF-16 units, no blanks, numbers and text as
 * ECMAScript writes them. Keys whose value is undefined are left out. What JSON cannot hold throws NOT_CANONICAL.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && isPlain(value)) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${sorted.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
  }
  throw new SpecError({ code: 'NOT_CANONICAL', message: `A ${typeof value} has no canonical JSON form.` });
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
