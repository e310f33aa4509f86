import * as z from 'zod';

/** What a schema says about a field besides its type; put there with `.meta()`. A test refuses other keys. */
export interface FieldMeta {
  description?: string;
  /** Values that parse; the reference shows the first. */
  examples?: unknown[];
  /** Never printed, logged or shown; redactBowl replaces it. */
  secret?: boolean;
  /**
   * What `extends` does with it. Unless said, maps merge key by key and everything else is replaced.
   * `append`: the list of the extending bowl follows the inherited one, an item with the same identity takes its place.
   */
  merge?: 'append' | 'replace';
  /** With `append`: the key of an item that is its identity, or `name` before `=` for package names; none: items always follow. */
  identity?: string;
  /** Holds a path (or an image reference with one) relative to the folder of the bowl. */
  relative?: 'path' | 'reference';
  /** Plain text stands for a map with the text under this key. */
  shorthand?: string;
  /** Words people write for a word of an enum. */
  aliases?: Record<string, string>;
  /** Names of this key that wrong but official documentation of others teaches; read as this key, with a warning. */
  taughtAs?: string[];
  /** On a map: keys that people write in it, and the right key or path. Only a suggestion; nothing is read from them. */
  mistakes?: Record<string, string>;
  /** On a list of words: what stands between them where people write one text, as cloud-init allows. */
  separator?: string;
  /** Why the key has no effect, neither here nor where the document comes from; a warning says so. */
  dead?: string;
  /** On a file or folder: the octal mode it gets without permissions, which is worth a warning. */
  modeUnlessGiven?: string;
}

/** A schema without its wrappers. */
export interface Described {
  core: z.ZodType;
  /** May be left out. */
  optional: boolean;
  /** The value when left out; undefined when there is none. */
  defaultValue: unknown;
  /** Of all layers, the outermost wins. */
  meta: FieldMeta;
}

/** Takes optional, default and prefault off a schema. */
export function describeSchema(schema: z.ZodType): Described {
  let core = schema;
  let meta = metaOf(core);
  let optional = false;
  let defaultValue: unknown;
  while (core instanceof z.ZodOptional || core instanceof z.ZodDefault || core instanceof z.ZodPrefault) {
    if (!(core instanceof z.ZodOptional)) defaultValue ??= core.def.defaultValue;
    core = core.unwrap() as z.ZodType;
    meta = { ...metaOf(core), ...meta };
    optional = true;
  }
  return { core, optional, defaultValue, meta };
}

function metaOf(schema: z.ZodType): FieldMeta {
  return (z.globalRegistry.get(schema) ?? {}) as FieldMeta;
}

/** The options of a union, nested ones flattened; any other schema is its own only option. */
export function optionsOf(schema: z.ZodType): z.ZodType[] {
  const { core } = describeSchema(schema);
  if (!(core instanceof z.ZodUnion)) return [core];
  return (core.options as z.ZodType[]).flatMap(optionsOf);
}

/** Whether text here is a path relative to the bowl, also when it is one option among others. */
export function relativeOf(schema: z.ZodType): FieldMeta['relative'] {
  const { meta } = describeSchema(schema);
  return (
    meta.relative ??
    optionsOf(schema)
      .map((option) => metaOf(option).relative)
      .find(Boolean)
  );
}

/** A key of a document: where it may stand, and what it may hold. */
export interface Field extends Described {
  /** `users[].name`; `*` stands for any key of a record. */
  path: string;
  key: string;
  schema: z.ZodType;
}

/** Every key of a document schema, parents before children, in the order of the schema. */
export function* walkFields(schema: z.ZodType, path = ''): Generator<Field> {
  for (const option of optionsOf(schema)) {
    if (option instanceof z.ZodArray) yield* walkFields(option.element as z.ZodType, `${path}[]`);
    else if (option instanceof z.ZodRecord) yield* walkFields(option.valueType as z.ZodType, `${path}.*`);
    else if (option instanceof z.ZodObject) {
      for (const [key, child] of Object.entries(option.shape as Record<string, z.ZodType>)) {
        const fieldPath = path === '' ? key : `${path}.${key}`;
        yield { path: fieldPath, key, schema: child, ...describeSchema(child) };
        yield* walkFields(child, fieldPath);
      }
    }
  }
}

/** Words that a schema accepts as they are: members of enums and literals, also those among the options of a union. */
export function wordsOf(schema: z.ZodType): string[] {
  return optionsOf(schema).flatMap((option) => {
    if (option instanceof z.ZodEnum) return option.options.map(String);
    if (option instanceof z.ZodLiteral) return [...option.values].map(String);
    return [];
  });
}
