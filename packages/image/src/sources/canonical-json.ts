/**
 * JSON with object keys sorted by UTF-16 unit, no blanks, members that are undefined left out: the same value gives the same text.
 * Source: RFC 8785, for the strings, booleans, safe integers, arrays and objects a bowl is made of.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
