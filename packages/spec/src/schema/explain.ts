import * as z from 'zod';
import type { Problem } from '../problem.ts';
import { formatPath, type Located, type LocatedMap, type Path, type Position, toValue } from '../yaml/located.ts';
import { describeSchema, optionsOf, walkFields, wordsOf } from './describe.ts';
import { foldWord, nearestWord } from './nearest.ts';

/** How to explain. */
export interface ExplainOptions {
  /** Say nothing about keys that are missing at the top: part of the document could not be read. */
  partial?: boolean;
}

type Report = (at: Position, path: Path, message: string, suggestion?: string) => void;

/**
 * Everything that is wrong with `node` by `schema`, in words for people. zod decides what is valid; this walk only says it
 * with places, names and suggestions (a union is explained by the option that was meant). It never quotes a secret field.
 */
export function explain(node: Located, schema: z.ZodType, options: ExplainOptions = {}): Problem[] {
  const problems: Problem[] = [];
  const keyPlaces = new Map<string, string>();
  for (const field of walkFields(schema)) {
    const folded = foldWord(field.key);
    const known = keyPlaces.get(folded);
    // Of several places the outermost is the likeliest.
    if (known === undefined || field.path.split('.').length < known.split('.').length)
      keyPlaces.set(folded, field.path);
  }
  const report: Report = (at, path, message, suggestion) => {
    const problem: Problem = { ...at, path: formatPath(path), message, severity: 'error' };
    problems.push(suggestion === undefined ? problem : { ...problem, suggestion });
  };
  const walk = new Explainer(report, keyPlaces, options.partial ?? false);
  walk.visit(node, schema, [], false);
  return problems;
}

class Explainer {
  readonly #report: Report;
  readonly #keyPlaces: ReadonlyMap<string, string>;
  readonly #partial: boolean;

  constructor(report: Report, keyPlaces: ReadonlyMap<string, string>, partial: boolean) {
    this.#report = report;
    this.#keyPlaces = keyPlaces;
    this.#partial = partial;
  }

  /** Reports what is wrong below `node`; true when nothing is. */
  visit(node: Located, schema: z.ZodType, path: Path, parentSecret: boolean): boolean {
    const secret = parentSecret || describeSchema(schema).meta.secret === true;
    const options = optionsOf(schema);
    const candidates = options.filter((option) => fits(option, node));
    if (candidates.length === 0) {
      this.#reportType(node, schema, path, secret);
      return false;
    }
    if (node.kind === 'map') return this.#visitMap(node, candidates, path, secret);
    if (node.kind === 'list') {
      const [list] = candidates;
      if (!(list instanceof z.ZodArray)) return true;
      const good = node.items.map((item, index) =>
        this.visit(item, list.element as z.ZodType, [...path, index], secret),
      );
      return good.every(Boolean) && this.#visitWhole(node, schema, path, secret);
    }
    return this.#visitWhole(node, schema, path, secret);
  }

  #visitMap(node: LocatedMap, candidates: readonly z.ZodType[], path: Path, secret: boolean): boolean {
    const record = candidates.find((candidate) => candidate instanceof z.ZodRecord);
    if (record) {
      const good = node.entries.map(({ key, value }) =>
        this.visit(value, record.valueType as z.ZodType, [...path, key], secret),
      );
      return good.every(Boolean) && this.#visitWhole(node, record, path, secret);
    }
    const objects = candidates.filter((candidate) => candidate instanceof z.ZodObject);
    const named = objects.filter((object) => node.entries.some((entry) => Object.hasOwn(object.shape, entry.key)));
    // With no key of any option, or keys of several, all keys of the options are the choice; a rule says which exclude others.
    const meant = named.length === 0 ? objects : named;
    const shape: Record<string, z.ZodType> = Object.assign({}, ...meant.map((object) => object.shape).reverse());
    let good = true;
    let unknown = 0;
    for (const { key, keyAt, value } of node.entries) {
      const child = Object.hasOwn(shape, key) ? shape[key] : undefined;
      if (child) good = this.visit(value, child, [...path, key], secret) && good;
      else {
        unknown += 1;
        // Looking for the nearest word of thousands of keys would take long, and nobody would read it.
        const free = unknown > SUGGESTION_LIMIT ? undefined : freeWords(node, keyAt.file, Object.keys(shape));
        this.#reportUnknownKey(key, keyAt, free, path);
        good = false;
      }
    }
    if (meant.length > 1 || (this.#partial && path.length === 0)) return good;
    for (const [key, child] of Object.entries(shape)) {
      const { optional, meta } = describeSchema(child);
      if (optional || node.entries.some((entry) => entry.key === key)) continue;
      const example = meta.examples?.[0];
      const such = typeof example === 'string' ? `; write for example "${key}: ${example}"` : '';
      this.#report(node.at, [...path, key], `${formatPath([...path, key])} is missing${such}`);
      good = false;
    }
    return good;
  }

  #reportUnknownKey(key: string, at: Position, free: readonly string[] | undefined, path: Path): void {
    const where = path.length === 0 ? '' : ` in ${formatPath(path)}`;
    const message = `unknown key ${quote(key) ?? '(not shown)'}${where}`;
    if (!free) return this.#report(at, [...path, key], message);
    const folded = foldWord(key);
    const exact = free.find((word) => foldWord(word) === folded);
    const elsewhere = this.#keyPlaces.get(folded);
    const suggestion = exact ?? elsewhere ?? nearestWord(key, free);
    if (suggestion !== undefined) this.#report(at, [...path, key], message, suggestion);
    else if (free.length === 0) this.#report(at, [...path, key], `${message}; it has no further keys`);
    else this.#report(at, [...path, key], `${message}; it can have: ${free.join(', ')}`);
  }

  #reportType(node: Located, schema: z.ZodType, path: Path, secret: boolean): void {
    const { meta } = describeSchema(schema);
    const name = path.length === 0 ? 'the document' : formatPath(path);
    const wanted = [...new Set(optionsOf(schema).map(kindOf))].join(' or ');
    if (node.kind === 'scalar' && node.value === null) {
      this.#report(
        node.at,
        path,
        `${name} is empty; it must be ${wanted}${path.length === 0 ? '' : ', or be left out'}`,
      );
      return;
    }
    const quoted = secret || node.kind !== 'scalar' ? undefined : quote(node.source);
    let cure = '';
    if (quoted !== undefined && wanted.includes('a list')) cure = `; write [${quoted.slice(1, -1)}]`;
    else if (
      quoted !== undefined &&
      kindOfNode(node) !== 'text' &&
      wordsOf(schema).length === 0 &&
      wanted.includes('text')
    ) {
      cure = `; put quotes around it: ${quoted}`;
    }
    const word = secret ? undefined : suggestWord(node, schema, meta.aliases);
    this.#report(node.at, path, `${name} must be ${wanted}, not ${kindOfNode(node)}${cure}`, word);
  }

  /** Checks a value whose parts are good by the schema itself. */
  #visitWhole(node: Located, schema: z.ZodType, path: Path, secret: boolean): boolean {
    const result = describeSchema(schema).core.safeParse(toValue(node));
    if (result.success) return true;
    const { meta } = describeSchema(schema);
    const words = wordsOf(schema);
    const issues = result.error.issues.flatMap(flattenIssue);
    // The options of a union that want another kind of value have nothing to say about this one.
    const telling = issues.filter((issue) => issue.code !== 'invalid_type');
    const reasons = (telling.length > 0 ? telling : issues).map(reasonOf);
    const quoted = secret || node.kind !== 'scalar' ? undefined : quote(String(node.value));
    const name = formatPath(path);
    const not = quoted === undefined ? '' : `, not ${quoted}`;
    const suggestion = secret ? undefined : suggestWord(node, schema, meta.aliases);
    if (words.length > 0) {
      const other = reasons.find((reason) => reason !== undefined);
      const keys = optionsOf(schema).flatMap((option) =>
        option instanceof z.ZodObject ? Object.keys(option.shape) : [],
      );
      const map = keys.length === 0 ? '' : ` or a map with ${keys.join(', ')}`;
      const choice = (words.length === 1 ? words.join('') : `one of ${words.join(', ')}`) + map;
      this.#report(node.at, path, `${name} must be ${choice}${other ? `, or else: ${other}` : ''}${not}`, suggestion);
      return false;
    }
    for (const reason of new Set(reasons)) {
      this.#report(node.at, path, `${name}${quoted === undefined ? '' : ` is ${quoted}`}: ${reason ?? 'is not valid'}`);
    }
    return false;
  }
}

/** Unknown keys of one map that get a suggestion. */
const SUGGESTION_LIMIT = 100;

/** Words that are not used in this map by this file; inherited ones may be written again. */
function freeWords(node: LocatedMap, file: string, words: readonly string[]): string[] {
  const used = new Set(node.entries.filter((entry) => entry.keyAt.file === file).map((entry) => entry.key));
  return words.filter((word) => !used.has(word));
}

function flattenIssue(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  return issue.code === 'invalid_union' ? issue.errors.flat().flatMap(flattenIssue) : [issue];
}

/** The sentence of the schema, or one for zod's own limits; undefined for a wrong word, which is explained by the right ones. */
export function reasonOf(issue: z.core.$ZodIssue): string | undefined {
  const unit = (count: number | bigint, origin: string): string => {
    if (origin === 'string') return `${count} character${count === 1 ? '' : 's'}`;
    return origin === 'array' ? `${count} item${count === 1 ? '' : 's'}` : String(count);
  };
  if (issue.code === 'too_small') return `must be at least ${unit(issue.minimum, issue.origin)}`;
  if (issue.code === 'too_big') return `must be at most ${unit(issue.maximum, issue.origin)}`;
  if (issue.code === 'invalid_key')
    return `${quote(String(issue.path.at(-1))) ?? 'a key'} is ${issue.issues[0]?.message}`;
  if (issue.code === 'invalid_value') return undefined;
  if (issue.code === 'invalid_type') return `must be ${KIND_NAMES[issue.expected] ?? issue.expected}`;
  return issue.message;
}

/** What people call the types of zod. */
export const KIND_NAMES: Record<string, string> = {
  string: 'text',
  enum: 'text',
  literal: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

function kindOf(schema: z.ZodType): string {
  if (schema instanceof z.ZodNumberFormat) return 'a whole number';
  return KIND_NAMES[schema.def.type] ?? schema.def.type;
}

/** What people call what was written. */
export function kindOfNode(node: Located): string {
  if (node.kind !== 'scalar') return node.kind === 'map' ? 'a map' : 'a list';
  if (node.value === null) return 'empty';
  if (typeof node.value === 'boolean') return 'true or false';
  return typeof node.value === 'number' ? 'a number' : 'text';
}

/** Whether the value has the kind that the schema wants; the content is another matter. */
function fits(schema: z.ZodType, node: Located): boolean {
  const wanted = kindOf(schema);
  const kind = kindOfNode(node);
  return wanted === kind || (wanted === 'a whole number' && kind === 'a number');
}

function suggestWord(
  node: Located,
  schema: z.ZodType,
  aliases: Readonly<Record<string, string>> | undefined,
): string | undefined {
  if (node.kind !== 'scalar' || node.value === null) return undefined;
  const written = String(node.value);
  const known = aliases && Object.hasOwn(aliases, written) ? aliases[written] : undefined;
  return known ?? nearestWord(written, wordsOf(schema));
}

/** Short printable text in quotes; undefined for what is long, not printable or looks like a password hash. */
export function quote(text: string): string | undefined {
  return /^[^\p{C}$]{1,60}$/u.test(text) ? JSON.stringify(text) : undefined;
}
