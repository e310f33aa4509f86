import * as z from 'zod';
import { describeSchema } from '../schema/describe.ts';
import type { LocatedEntry, LocatedMap } from '../yaml/located.ts';

/**
 * Nests keys in dot notation, which Kairos documents for `install` (`partitions.oem.size: 60`), where the first word is a map of
 * the shape and the whole is no key of its own. What stands under the first word already keeps its place.
 */
export function nestDottedKeys(node: LocatedMap, shape: Readonly<Record<string, z.ZodType>>): readonly LocatedEntry[] {
  if (!node.entries.some(({ key }) => isDotted(key, shape))) return node.entries;
  const entries: LocatedEntry[] = [];
  for (const entry of node.entries) {
    if (!isDotted(entry.key, shape)) {
      const known = entries.findIndex(({ key }) => key === entry.key);
      const before = entries[known]?.value;
      if (before?.kind === 'map' && entry.value.kind === 'map') {
        const value = { ...entry.value, entries: [...before.entries, ...entry.value.entries] };
        entries[known] = { ...entry, value };
      } else entries.push(entry);
      continue;
    }
    const dot = entry.key.indexOf('.');
    const [first, rest] = [entry.key.slice(0, dot), entry.key.slice(dot + 1)];
    const inner: LocatedEntry = { ...entry, key: rest };
    const known = entries.findIndex(({ key }) => key === first);
    const before = entries[known]?.value;
    if (before?.kind === 'map') {
      entries[known] = { ...entry, key: first, value: { ...before, entries: [...before.entries, inner] } };
    } else entries.push({ key: first, keyAt: entry.keyAt, value: { kind: 'map', at: entry.keyAt, entries: [inner] } });
  }
  return entries;
}

function isDotted(key: string, shape: Readonly<Record<string, z.ZodType>>): boolean {
  const [first = '', rest] = key.split('.', 2);
  if (!rest || Object.hasOwn(shape, key) || !Object.hasOwn(shape, first)) return false;
  return describeSchema(shape[first] as z.ZodType).core instanceof z.ZodObject;
}
