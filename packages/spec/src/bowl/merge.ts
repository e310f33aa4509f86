import * as z from 'zod';
import { type Described, describeSchema, optionsOf } from '../schema/describe.ts';
import { type Located, type LocatedEntry, type LocatedMap, toValue, valueOf } from '../yaml/located.ts';
import { RULES } from './rules.ts';

/**
 * What `extends` means: maps merge key by key, everything else is replaced, unless the schema says otherwise (`merge` of
 * FieldMeta). Each part keeps the place where it was written.
 */
export function mergeDocuments(inherited: Located, own: Located, schema: z.ZodType): Located {
  return mergeNodes(dropMoved(inherited, own), own, schema);
}

function mergeNodes(inherited: Located, own: Located, schema: z.ZodType | undefined): Located {
  const described = schema && describeSchema(schema);
  if (described?.meta.merge === 'replace') return own;
  if (inherited.kind === 'list' && own.kind === 'list' && described?.meta.merge === 'append') {
    return appendLists(inherited.items, own, described);
  }
  if (inherited.kind !== 'map' || own.kind !== 'map' || !schema) return own;
  const [core] = optionsOf(schema);
  if (core instanceof z.ZodRecord) return mergeMaps(inherited, own, () => core.valueType as z.ZodType);
  if (!(core instanceof z.ZodObject)) return own;
  const shape = core.shape as Record<string, z.ZodType>;
  return mergeMaps(inherited, own, (key) => (Object.hasOwn(shape, key) ? shape[key] : undefined));
}

function mergeMaps(
  inherited: LocatedMap,
  own: LocatedMap,
  schemaOf: (key: string) => z.ZodType | undefined,
): LocatedMap {
  const merged = new Map<string, LocatedEntry>(inherited.entries.map((entry) => [entry.key, entry]));
  for (const entry of own.entries) {
    const below = merged.get(entry.key);
    const value = below ? mergeNodes(below.value, entry.value, schemaOf(entry.key)) : entry.value;
    merged.set(entry.key, { ...entry, value });
  }
  return { kind: 'map', entries: [...merged.values()], at: own.at };
}

/** Inherited items first; of two with one identity only the extending bowl's stays, at its place among its own. */
function appendLists(inherited: readonly Located[], own: Located & { kind: 'list' }, { meta }: Described): Located {
  const taken = new Set(own.items.map((item) => identityOf(item, meta.identity)).filter((id) => id !== undefined));
  const kept = inherited.filter((item) => {
    const identity = identityOf(item, meta.identity);
    return identity === undefined || !taken.has(identity);
  });
  return { kind: 'list', items: [...kept, ...own.items], at: own.at };
}

function identityOf(item: Located, identity: string | undefined): unknown {
  if (identity === undefined) return undefined;
  if (identity === 'value' || identity === 'package') {
    const value = item.kind === 'scalar' ? item.value : undefined;
    return identity === 'package' && typeof value === 'string' ? value.split('=', 1)[0] : (value ?? undefined);
  }
  const part = valueOf(item, identity);
  return part?.kind === 'scalar' ? (part.value ?? undefined) : undefined;
}

/** By the `disjoint` rules: what the extending bowl lists in one of the lists leaves the inherited other ones. */
function dropMoved(inherited: Located, own: Located): Located {
  let result = inherited;
  for (const rule of RULES) {
    if (rule.kind !== 'disjoint') continue;
    for (const list of rule.lists) {
      const here = new Set(itemsAt(own, list).map(toValue));
      const elsewhere = rule.lists
        .filter((other) => other !== list)
        .flatMap((other) => itemsAt(own, other).map(toValue));
      const moved = new Set(elsewhere.filter((item) => !here.has(item)));
      if (moved.size > 0) result = filterList(result, list.split('.'), (item) => !moved.has(toValue(item)));
    }
  }
  return result;
}

function itemsAt(root: Located, path: string): readonly Located[] {
  let node: Located | undefined = root;
  for (const key of path.split('.')) node = node && valueOf(node, key);
  return node?.kind === 'list' ? node.items : [];
}

function filterList(node: Located, path: readonly string[], keep: (item: Located) => boolean): Located {
  const [key, ...rest] = path;
  if (key === undefined) return node.kind === 'list' ? { ...node, items: node.items.filter(keep) } : node;
  if (node.kind !== 'map') return node;
  const entries = node.entries.map((entry) =>
    entry.key === key ? { ...entry, value: filterList(entry.value, rest, keep) } : entry,
  );
  return { ...node, entries };
}
