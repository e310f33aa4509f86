import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type ParsedNode, parseDocument } from 'yaml';
import type { Problem } from '../problem.ts';
import { formatPath, type Located, type LocatedEntry, type Path, type Position } from './located.ts';
import { SYNTAX_MESSAGES } from './syntax-messages.ts';

/** A document as text. */
export interface SourceText {
  /** How messages name it. */
  path: string;
  text: string;
  /** Its absolute path, where `path` is a name for people (such as one relative to the current folder). */
  location?: string;
}

/** Bounds on hostile documents; each is named in the message that refuses. */
export const YAML_LIMITS = { sizeBytes: 2 ** 20, values: 50_000, depth: 40, problems: 100 } as const;

const PLAIN_TAG = /^tag:yaml\.org,2002:(str|int|float|bool|null|map|seq)$/;
// YAML 1.2 section 5.1: these may not stand in a document. U+FFFD is what a decoder leaves where bytes were not UTF-8.
const FORBIDDEN =
  /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** What is read although the bowl does not have it: for documents that were written for others. */
export interface ParseOptions {
  /** `<<: *anchor` takes over the keys of a map (YAML 1.1 merge keys); keys of the map itself come first. */
  mergeKeys?: boolean;
  /** Further documents are left out with a warning; else they are an error. */
  firstDocument?: boolean;
  /** The most values, instead of YAML_LIMITS.values: for a part of a larger text. */
  values?: number;
}

/** What parsing gave. */
export interface ParseResult {
  /** Undefined when the text cannot be used at all. */
  node: Located | undefined;
  problems: Problem[];
  /** The text went beyond a limit, so `node` is not the whole of it. */
  overLimit?: boolean;
  /** How many values were looked at, aliases counted in full. */
  values?: number;
}

/**
 * Parses YAML 1.2 (core schema) into values that know their place. Anchors work within bounds; tags and directives do not,
 * merge keys and further documents only by the options. `problems` are all that were found.
 */
export function parseYaml(source: SourceText, options: ParseOptions = {}): ParseResult {
  const file = source.path;
  const sizeBytes = source.text.length > YAML_LIMITS.sizeBytes ? source.text.length : utf8Length(source.text);
  if (sizeBytes > YAML_LIMITS.sizeBytes) {
    const message = `is larger than 1 MiB (${YAML_LIMITS.sizeBytes} bytes), the most a document may have; keep large content in files of its own`;
    return { node: undefined, problems: [problemAt({ file, line: 1, column: 1 }, [], message)], overLimit: true };
  }
  const lines = new LineCounter();
  const place = (offset: number): Position => {
    const { line, col } = lines.linePos(Math.min(offset, source.text.length));
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const forbidden = FORBIDDEN.exec(source.text);
  if (forbidden) {
    const before = source.text.slice(0, forbidden.index).split(/\r?\n/);
    const at = { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
    return { node: undefined, problems: [problemAt(at, [], describeForbidden(forbidden[0]))] };
  }
  const document = parseDocument(source.text, {
    lineCounter: lines,
    version: '1.2',
    schema: 'core',
    merge: false,
    strict: true,
    // Compares every pair of keys, so a megabyte of them takes minutes; Converter finds duplicates with a set.
    uniqueKeys: false,
    prettyErrors: false,
    // With 'silent' a second document would be dropped without a word.
    logLevel: 'error',
  });
  const further = options.firstDocument ? document.errors.find(({ code }) => code === 'MULTIPLE_DOCS') : undefined;
  const errors = document.errors.filter((error) => error !== further);
  if (errors.length > 0) {
    const problems = errors
      .slice(0, YAML_LIMITS.problems)
      .map((error) => problemAt(place(error.pos[0]), [], SYNTAX_MESSAGES[error.code]));
    return { node: undefined, problems: dropRepeated(problems) };
  }
  const converted = convert(document, place, options);
  if (!further) return converted;
  const message = 'only the first document of the file is read; what follows this "---" is left out';
  const warning: Problem = { ...problemAt(place(further.pos[0]), [], message), severity: 'warning' };
  return { ...converted, problems: [...converted.problems, warning] };
}

function convert(document: Document.Parsed, place: (offset: number) => Position, options: ParseOptions): ParseResult {
  const { mergeKeys = false, values: valueLimit = YAML_LIMITS.values } = options;
  const problems: Problem[] = [];
  const anchors = new Map<string, ParsedNode>();
  const open = new Set<ParsedNode>();
  let values = 0;
  let stopped = false;
  let tooDeep = false;
  const report = (offset: number, path: Path, message: string): void => {
    problems.push(problemAt(place(offset), path, message));
  };
  const nothing = (offset: number): Located => ({ kind: 'scalar', value: null, source: '', at: place(offset) });

  const visit = (node: ParsedNode | null, path: Path, offset: number): Located => {
    if (node === null || stopped) return nothing(offset);
    const start = node.range[0];
    values += 1;
    if (values > valueLimit) {
      stopped = true;
      report(start, path, `the document holds more than ${YAML_LIMITS.values} values (aliases counted in full)`);
      return nothing(start);
    }
    if (path.length > YAML_LIMITS.depth) {
      tooDeep = true;
      report(start, path, `is nested more than ${YAML_LIMITS.depth} levels deep`);
      return nothing(start);
    }
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (!target || open.has(target)) {
        report(
          start,
          path,
          target ? `the alias *${node.source} holds itself` : `there is no anchor &${node.source} before`,
        );
        return nothing(start);
      }
      return visit(target, path, start);
    }
    if (node.tag !== undefined && !PLAIN_TAG.test(node.tag)) {
      report(start, path, 'YAML tags (a word after !) are not allowed here');
      return nothing(start);
    }
    if (node.anchor) anchors.set(node.anchor, node);
    open.add(node);
    const located = visitPlain(node, path);
    open.delete(node);
    return located;
  };

  const visitPlain = (node: ParsedNode, path: Path): Located => {
    const at = place(node.range[0]);
    if (isSeq(node)) {
      const items = node.items.map((item, index) => visit(item as ParsedNode | null, [...path, index], node.range[0]));
      return { kind: 'list', items, at };
    }
    if (isMap(node)) return { kind: 'map', entries: visitEntries(node.items, path, node.range[0]), at };
    const { value } = node as { value: unknown };
    const source = isScalar(node) ? (node.source ?? '') : '';
    if (typeof value === 'string' || typeof value === 'boolean' || value === null) {
      return { kind: 'scalar', value, source, at };
    }
    if (typeof value === 'number' && Number.isFinite(value)) return { kind: 'scalar', value, source, at };
    report(node.range[0], path, 'is not a value that this document can hold');
    return nothing(node.range[0]);
  };

  const visitEntries = (items: readonly unknown[], path: Path, offset: number): LocatedEntry[] => {
    const entries: LocatedEntry[] = [];
    const first = new Map<string, Position>();
    const inherited: LocatedEntry[] = [];
    for (const item of items as { key: ParsedNode | null; value: ParsedNode | null }[]) {
      if (stopped) break;
      const keyNode = item.key && isAlias(item.key) ? anchors.get(item.key.source) : item.key;
      const keyOffset = item.key?.range[0] ?? offset;
      if (!keyNode || !isScalar(keyNode) || keyNode.value === null) {
        report(keyOffset, path, 'a key must be a plain word');
        continue;
      }
      if (keyNode.anchor) anchors.set(keyNode.anchor, keyNode);
      const key = typeof keyNode.value === 'string' ? keyNode.value : (keyNode.source ?? '');
      if (mergeKeys && key === '<<' && keyNode.type === 'PLAIN') {
        const value = visit(item.value, [...path, key], keyNode.range[1]);
        const maps = value.kind === 'list' ? value.items : [value];
        if (maps.some((map) => map.kind !== 'map')) report(keyOffset, [...path, key], '"<<" takes over maps only');
        inherited.push(...maps.flatMap((map) => (map.kind === 'map' ? map.entries : [])));
        continue;
      }
      const earlier = first.get(key);
      if (key === '__proto__') report(keyOffset, path, '"__proto__" cannot be used as a key');
      else if (earlier) {
        report(
          keyOffset,
          [...path, key],
          `${JSON.stringify(key.slice(0, 60))} is given twice, first in line ${earlier.line}`,
        );
      } else {
        first.set(key, place(keyOffset));
        const value = visit(item.value, [...path, key], keyNode.range[1]);
        entries.push({ key, keyAt: place(keyOffset), value });
      }
    }
    const own = new Set(first.keys());
    for (const entry of inherited) {
      // Of several maps that are taken over, the first that has the key gives it.
      if (own.has(entry.key)) continue;
      own.add(entry.key);
      entries.push(entry);
    }
    return entries;
  };

  if (document.directives.yaml.explicit && document.directives.yaml.version !== '1.2') {
    report(0, [], 'only YAML 1.2 is understood; remove the %YAML line');
  }
  const root = document.contents ? visit(document.contents as ParsedNode, [], 0) : undefined;
  return { node: root, problems: problems.slice(0, YAML_LIMITS.problems), overLimit: stopped || tooDeep, values };
}

function problemAt(at: Position, path: Path, message: string): Problem {
  return { ...at, path: formatPath(path), message, severity: 'error' };
}

/** One fault often makes the parser complain many times about one place. */
function dropRepeated(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter((problem) => {
    const key = `${problem.line}:${problem.column}`;
    return seen.has(key) ? false : seen.add(key);
  });
}

function describeForbidden(character: string): string {
  if (character === '\ufffd') return 'the file is not UTF-8 text (or holds U+FFFD, the mark of a decoding error)';
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return character === '\0' ? 'holds a NUL byte, which text never does' : `holds the control character U+${code}`;
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
