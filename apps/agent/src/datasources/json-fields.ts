/** The value below some keys of parsed JSON or YAML; undefined where a key is missing. */
export function fieldAt(value: unknown, ...keys: readonly string[]): unknown {
  let at = value;
  for (const key of keys) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

/** A text or number below some keys, as text without blanks around it; undefined when missing or empty. */
export function textAt(value: unknown, ...keys: readonly string[]): string | undefined {
  const found = fieldAt(value, ...keys);
  const text = typeof found === 'string' || typeof found === 'number' ? String(found).trim() : '';
  return text === '' ? undefined : text;
}

/** All texts of a text, a list or a map's values, also of objects with the text under `inner`; each line is one. */
export function linesAt(value: unknown, inner?: string): string[] {
  if (typeof value === 'string') {
    return value.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
  }
  if (typeof value !== 'object' || value === null) return [];
  const own = inner === undefined ? undefined : fieldAt(value, inner);
  if (own !== undefined) return linesAt(own);
  return Object.values(value).flatMap((item: unknown) => linesAt(item, inner));
}
