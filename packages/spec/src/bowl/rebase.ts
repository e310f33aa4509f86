import * as z from 'zod';
import { describeSchema, type FieldMeta, optionsOf, relativeOf } from '../schema/describe.ts';
import type { Located, LocatedEntry, LocatedMap } from '../yaml/located.ts';
import { joinPath } from './paths.ts';

/**
 * Rewrites every relative path of a document (`relative` of FieldMeta) that was written in `folder`, so that it means the
 * same from the folder that `folder` is relative to. Left-out paths with a default are written out: the default belongs to the
 * document's own folder too.
 */
export function rebasePaths(node: Located, schema: z.ZodType, folder: string): Located {
  if (folder === '.') return node;
  return rebaseNode(node, schema, folder);
}

function rebaseNode(node: Located, schema: z.ZodType, folder: string): Located {
  const { meta } = describeSchema(schema);
  const options = optionsOf(schema);
  if (node.kind === 'scalar') {
    if (typeof node.value !== 'string') return node;
    if (meta.shorthand !== undefined) return rebaseNode(writeOut(node, meta.shorthand), schema, folder);
    const relative = relativeOf(schema);
    return relative ? { ...node, value: rebaseText(node.value, relative, folder) } : node;
  }
  if (node.kind === 'list') {
    const list = options.find((option) => option instanceof z.ZodArray);
    if (!list) return node;
    return { ...node, items: node.items.map((item) => rebaseNode(item, list.element as z.ZodType, folder)) };
  }
  const object = options.find(
    (option): option is z.ZodObject =>
      option instanceof z.ZodObject && node.entries.some((entry) => Object.hasOwn(option.shape, entry.key)),
  );
  return object ? rebaseMap(node, object.shape as Record<string, z.ZodType>, folder) : node;
}

function rebaseMap(node: LocatedMap, shape: Record<string, z.ZodType>, folder: string): LocatedMap {
  const entries: LocatedEntry[] = node.entries.map((entry) => {
    const child = Object.hasOwn(shape, entry.key) ? shape[entry.key] : undefined;
    return child ? { ...entry, value: rebaseNode(entry.value, child, folder) } : entry;
  });
  for (const [key, child] of Object.entries(shape)) {
    const { meta, defaultValue } = describeSchema(child);
    if (meta.relative === undefined || typeof defaultValue !== 'string') continue;
    if (node.entries.some((entry) => entry.key === key)) continue;
    const value = rebaseText(defaultValue, meta.relative, folder);
    entries.push({ key, keyAt: node.at, value: { kind: 'scalar', value, source: value, at: node.at } });
  }
  return { ...node, entries };
}

function writeOut(node: Located, key: string): LocatedMap {
  return { kind: 'map', entries: [{ key, keyAt: node.at, value: node }], at: node.at };
}

function rebaseText(text: string, relative: NonNullable<FieldMeta['relative']>, folder: string): string {
  if (relative === 'path') return text === '' ? text : joinPath(folder, text);
  // oci:FOLDER[:TAG] and docker-archive:FILE name files; anything else is on a registry.
  const [, scheme, path] = /^(oci:|docker-archive:)(.+)$/s.exec(text) ?? [];
  return scheme === undefined || path === undefined ? text : scheme + joinPath(folder, path);
}
