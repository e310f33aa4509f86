/**
 * A copy of a configuration as its owner would write it: permission bits in octal, which are plain numbers once they are
 * read (420 for 0644), and no name, which is that of a file and not of the machine.
 */
export function asWritten(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { name: _name, ...rest } = values;
  return octalModes(rest) as Record<string, unknown>;
}

function octalModes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(octalModes);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === 'permissions' && typeof item === 'number' ? item.toString(8).padStart(4, '0') : octalModes(item),
    ]),
  );
}
