import * as z from 'zod';
import type { Problem } from '../problem.ts';
import { describeSchema, optionsOf, walkFields, wordsOf } from '../schema/describe.ts';
import { KIND_NAMES, kindOfNode, quote, reasonOf } from '../schema/explain.ts';
import { foldWord, nearestWord } from '../schema/nearest.ts';
import {
  formatPath,
  type Located,
  type LocatedEntry,
  type LocatedMap,
  type Path,
  type Position,
  toValue,
} from '../yaml/located.ts';
import { nestDottedKeys } from './dotted-keys.ts';
import { readMode } from './mode.ts';
import { FileMode } from './step.ts';

/** A value that was kept; `undefined` in its place means that it was left out, which a warning says. */
type Kept = { value: unknown } | undefined;

/** Unknown keys of one document that get a suggestion: nobody reads more, and looking takes time. */
const SUGGESTION_LIMIT = 100;

/** What reading with good will gave: `value` holds only what the schema accepts. */
export interface LenientResult {
  value: unknown;
  /** Of severity `warning`. Values of secret fields are in none of them. */
  problems: Problem[];
}

/**
 * Reads a document that may be wrong: what is certainly meant is converted (a number where text belongs), everything else that
 * does not fit is left out, each with a warning except where the difference is none. A misspelt key is never applied.
 * A null stands for "reset" where a map may leave the key out, and is kept.
 */
export function readLenient(node: Located, schema: z.ZodType): LenientResult {
  const reader = new LenientReader(schema);
  const kept = reader.read(node, schema, [], false);
  return { value: kept?.value, problems: reader.problems };
}

class LenientReader {
  readonly problems: Problem[] = [];
  readonly #schema: z.ZodType;
  #unknownKeys = 0;

  constructor(schema: z.ZodType) {
    this.#schema = schema;
  }

  read(node: Located, schema: z.ZodType, path: Path, parentSecret: boolean): Kept {
    const { core, meta } = describeSchema(schema);
    const secret = parentSecret || meta.secret === true;
    if (core === FileMode) return this.#readMode(node, path);
    if (core instanceof z.ZodUnion) return this.#readUnion(node, core, path, secret);
    if (core instanceof z.ZodUnknown) return { value: toValue(node) };
    if (meta.separator !== undefined && node.kind === 'scalar' && String(node.value).includes(meta.separator)) {
      const items = String(node.value).split(meta.separator);
      this.#warn(node.at, path, `${formatPath(path)} must be a list; it is read as a list of ${items.length}`);
      return { value: items.map((item) => item.trim()).filter(Boolean) };
    }
    const kept = this.#readPlain(node, core, path, secret);
    if (!kept || core instanceof z.ZodObject) return kept;
    const result = core.safeParse(kept.value);
    if (result.success) return kept;
    // A map or list whose parts are good was checked part by part; null stands in none of them.
    if (core instanceof z.ZodArray || core instanceof z.ZodRecord) {
      if (result.error.issues.every((issue) => issue.code === 'invalid_type')) return kept;
    }
    const [issue] = result.error.issues;
    this.#drop(node.at, path, `${formatPath(path)}: ${(issue && reasonOf(issue)) ?? 'is not valid'}`);
    return undefined;
  }

  #readPlain(node: Located, core: z.ZodType, path: Path, secret: boolean): Kept {
    if (core instanceof z.ZodObject) {
      return node.kind === 'map' ? this.#readObject(node, core, path, secret) : this.#wrongType(node, core, path);
    }
    if (core instanceof z.ZodRecord) {
      return node.kind === 'map' ? this.#readRecord(node, core, path, secret) : this.#wrongType(node, core, path);
    }
    if (core instanceof z.ZodArray) return this.#readList(node, core, path, secret);
    if (node.kind !== 'scalar' || node.value === null) return this.#wrongType(node, core, path);
    const { value, source } = node;
    if (core instanceof z.ZodBoolean) {
      if (typeof value === 'boolean') return { value };
      if (typeof value === 'string' && /^(true|false)$/i.test(value)) return { value: /^t/i.test(value) };
      if (typeof value === 'string' && /^(yes|no|on|off|y|n)$/i.test(value)) {
        const meant = /^(yes|on|y)$/i.test(value);
        this.#warn(
          node.at,
          path,
          `${formatPath(path)}: ${JSON.stringify(value)} is read as ${meant}; YAML 1.2 knows only true and false`,
        );
        return { value: meant };
      }
      return this.#wrongType(node, core, path);
    }
    if (core instanceof z.ZodNumber) {
      if (typeof value === 'number') return { value };
      if (typeof value === 'string' && /^-?\d{1,15}$/.test(value.trim())) return { value: Number(value) };
      return this.#wrongType(node, core, path);
    }
    if (core instanceof z.ZodEnum || core instanceof z.ZodLiteral) return this.#readWord(node, core, path, secret);
    // Text: a number or a truth value is taken as it was written.
    return { value: typeof value === 'string' ? value : source || String(value) };
  }

  #readWord(node: Located & { kind: 'scalar' }, core: z.ZodType, path: Path, secret: boolean): Kept {
    const written = String(node.value);
    const words = wordsOf(core);
    if (words.includes(written)) return { value: written };
    // Empty text is how templates of configurations leave a choice open.
    if (written === '') return undefined;
    const folded = words.find((word) => word.toLowerCase() === written.toLowerCase());
    if (folded !== undefined) {
      this.#warn(node.at, path, `${formatPath(path)} is read as ${JSON.stringify(folded)}; case matters here`);
      return { value: folded };
    }
    const not = secret ? undefined : quote(written);
    const message = `${formatPath(path)} must be one of ${words.filter(Boolean).join(', ')}${not ? `, not ${not}` : ''}`;
    return this.#drop(node.at, path, message, secret ? undefined : nearestWord(written, words));
  }

  #readMode(node: Located, path: Path): Kept {
    const read = node.kind === 'scalar' ? readMode(node) : undefined;
    if (!read || !FileMode.safeParse(read.mode).success) {
      return this.#drop(node.at, path, `${formatPath(path)} must be permission bits such as 0644`);
    }
    if (read.warning !== undefined) this.#warn(node.at, path, `${formatPath(path)}: ${read.warning}`);
    return { value: read.mode };
  }

  #readUnion(node: Located, core: z.ZodUnion, path: Path, secret: boolean): Kept {
    const before = this.problems.length;
    let best: { kept: Kept; problems: Problem[] } | undefined;
    for (const option of optionsOf(core)) {
      const kept = this.read(node, option, path, secret);
      const problems = this.problems.splice(before);
      if (kept && problems.length === 0) return kept;
      if (!best || (kept && !best.kept)) best = { kept, problems };
    }
    this.problems.push(...(best?.problems ?? []));
    return best?.kept;
  }

  #readList(node: Located, core: z.ZodArray, path: Path, secret: boolean): Kept {
    const element = core.element as z.ZodType;
    if (node.kind === 'list') {
      const items = node.items.flatMap((item, index) => {
        if (isNull(item)) {
          this.#drop(item.at, [...path, index], `${formatPath([...path, index])} is empty`);
          return [];
        }
        const kept = this.read(item, element, [...path, index], secret);
        return kept ? [kept.value] : [];
      });
      return { value: items };
    }
    const single = optionsOf(element).some((option) => isScalarSchema(option)) ? 'scalar' : 'map';
    // A map whose keys are no keys of an item is a map of items, as users by name are in a step.
    const isItem = node.kind !== 'map' || node.entries.some(({ key }) => hasKey(element, key));
    if (isNull(node) || !isItem || node.kind !== single || (node.kind === 'scalar' && node.value === ''))
      return this.#wrongType(node, core, path);
    const kept = this.read(node, element, [...path, 0], secret);
    if (!kept) return undefined;
    this.#warn(node.at, path, `${formatPath(path)} must be a list; it is read as a list of one`);
    return { value: [kept.value] };
  }

  #readRecord(node: LocatedMap, core: z.ZodRecord, path: Path, secret: boolean): Kept {
    const keyType = core.keyType as z.ZodType;
    const words = wordsOf(keyType);
    const good: [string, unknown][] = [];
    for (const { key, keyAt, value } of node.entries) {
      if (words.length > 0 && !words.includes(key)) {
        this.#unknownKey(key, keyAt, () => words, {}, path);
        continue;
      }
      const valueType = core.valueType as z.ZodType;
      // An empty value of a map of texts is empty text.
      if (isNull(value) && optionsOf(valueType).some((option) => option instanceof z.ZodString)) good.push([key, '']);
      else if (isNull(value) && !(valueType instanceof z.ZodUnknown)) good.push([key, null]);
      else {
        const kept = this.read(value, valueType, [...path, key], secret);
        if (kept) good.push([key, kept.value]);
      }
    }
    return { value: Object.fromEntries(good) };
  }

  #readObject(node: LocatedMap, core: z.ZodObject, path: Path, secret: boolean): Kept {
    const shape = core.shape as Record<string, z.ZodType>;
    const open = core.def.catchall instanceof z.ZodUnknown;
    const mistakes = describeSchema(core).meta.mistakes ?? {};
    const good: [string, unknown][] = [];
    const entries = nestDottedKeys(node, shape);
    const given = new Set(entries.map((entry) => entry.key));
    for (const entry of entries) {
      const { keyAt, value } = entry;
      const key = Object.hasOwn(shape, entry.key) ? entry.key : this.#taught(entry, shape, given, path);
      const child = key === undefined ? undefined : shape[key];
      if (key === undefined || !child) {
        if (open && !Object.hasOwn(mistakes, entry.key)) good.push([entry.key, toValue(value)]);
        else this.#unknownKey(entry.key, keyAt, () => freeWords(given, shape), mistakes, path);
        continue;
      }
      const { dead } = describeSchema(child).meta;
      if (dead !== undefined) this.#warn(keyAt, [...path, key], `${formatPath([...path, key])} has no effect: ${dead}`);
      if (isNull(value)) {
        if (describeSchema(child).optional) good.push([key, null]);
        continue;
      }
      const kept = this.read(value, child, [...path, key], secret);
      if (kept) good.push([key, kept.value]);
    }
    const names = new Set(good.map(([key]) => key));
    for (const [key, child] of Object.entries(shape)) {
      const { optional, meta } = describeSchema(child);
      if (!optional && !names.has(key)) {
        const keyPath = formatPath([...path, key]);
        this.#warn(node.at, [...path, key], `${keyPath} is missing, so ${formatPath(path) || 'all'} is left out`);
        return undefined;
      }
      if (meta.modeUnlessGiven !== undefined && !names.has(key)) {
        const message = `${formatPath([...path, key])} is missing; the mode is ${meta.modeUnlessGiven} here, but 0000 in Kairos`;
        this.#warn(node.at, [...path, key], message);
      }
    }
    return { value: Object.fromEntries(good) };
  }

  /** The key that a name from wrong but official documentation means. */
  #taught(entry: LocatedEntry, shape: Record<string, z.ZodType>, given: ReadonlySet<string>, path: Path) {
    const key = taughtNames(shape).get(entry.key);
    if (key === undefined || given.has(key)) return undefined;
    const message = `${formatPath([...path, entry.key])} is read as ${key}; Kairos documents this name but ignores it`;
    this.#warn(entry.keyAt, [...path, entry.key], message, key);
    return key;
  }

  #unknownKey(
    key: string,
    at: Position,
    words: () => readonly string[],
    mistakes: Readonly<Record<string, string>>,
    path: Path,
  ) {
    const where = path.length === 0 ? '' : ` in ${formatPath(path)}`;
    const message = `unknown key ${quote(key) ?? '(not shown)'}${where}; it has no effect`;
    this.#unknownKeys += 1;
    if (this.#unknownKeys > SUGGESTION_LIMIT) return this.#warn(at, [...path, key], message);
    const free = words();
    const folded = foldWord(key);
    const known = Object.hasOwn(mistakes, key) ? mistakes[key] : undefined;
    const exact = free.find((word) => foldWord(word) === folded);
    const elsewhere = placesOf(this.#schema).get(folded);
    const suggestion =
      known ??
      exact ??
      nearestWord(key, free) ??
      (elsewhere === key ? undefined : elsewhere?.replaceAll('.*', '.NAME'));
    return this.#warn(at, [...path, key], message, suggestion);
  }

  #wrongType(node: Located, core: z.ZodType, path: Path): undefined {
    const name = formatPath(path) || 'the document';
    const wanted = core instanceof z.ZodNumberFormat ? 'a whole number' : (KIND_NAMES[core.def.type] ?? core.def.type);
    // Templates of configurations leave keys empty; that they have no value then is what everybody expects.
    if (isNull(node)) return undefined;
    const quotes = node.kind === 'map' && wanted === 'text' ? '; text with ": " needs quotes' : '';
    return this.#drop(node.at, path, `${name} must be ${wanted}, not ${kindOfNode(node)}${quotes}`);
  }

  #drop(at: Position, path: Path, message: string, suggestion?: string): undefined {
    this.#warn(at, path, `${message}; it is left out`, suggestion);
    return undefined;
  }

  #warn(at: Position, path: Path, message: string, suggestion?: string): void {
    const problem: Problem = { ...at, path: formatPath(path), message, severity: 'warning' };
    this.problems.push(suggestion === undefined ? problem : { ...problem, suggestion });
  }
}

/** Where the words of each schema stand; looked up only when a key is unknown. */
const PLACES = new WeakMap<z.ZodType, Map<string, string>>();

function placesOf(schema: z.ZodType): Map<string, string> {
  const known = PLACES.get(schema);
  if (known) return known;
  const places = new Map<string, string>();
  for (const field of walkFields(schema)) {
    const folded = foldWord(field.key);
    const place = places.get(folded);
    // Of several places the outermost is the likeliest.
    if (place === undefined || depthOf(field.path) < depthOf(place)) places.set(folded, field.path);
  }
  PLACES.set(schema, places);
  return places;
}

/** By the shape of a map: other names of its keys. */
const TAUGHT = new WeakMap<object, Map<string, string>>();

function taughtNames(shape: Record<string, z.ZodType>): Map<string, string> {
  const known = TAUGHT.get(shape);
  if (known) return known;
  const names = new Map<string, string>();
  for (const [key, child] of Object.entries(shape)) {
    for (const name of describeSchema(child).meta.taughtAs ?? []) names.set(name, key);
  }
  TAUGHT.set(shape, names);
  return names;
}

function isNull(node: Located): boolean {
  return node.kind === 'scalar' && node.value === null;
}

function hasKey(schema: z.ZodType, key: string): boolean {
  return optionsOf(schema).some((option) => option instanceof z.ZodObject && Object.hasOwn(option.shape, key));
}

function isScalarSchema(schema: z.ZodType): boolean {
  return !(schema instanceof z.ZodObject || schema instanceof z.ZodRecord || schema instanceof z.ZodArray);
}

function depthOf(path: string): number {
  return path.split('.').length;
}

/** Words of a map that it does not have yet. */
function freeWords(given: ReadonlySet<string>, shape: Record<string, z.ZodType>): string[] {
  return Object.keys(shape).filter(
    (word) => !given.has(word) && describeSchema(shape[word] as z.ZodType).meta.dead === undefined,
  );
}
