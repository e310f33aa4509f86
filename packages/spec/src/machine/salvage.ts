import type { Problem } from '../problem.ts';
import type { LocatedEntry, LocatedMap } from '../yaml/located.ts';
import { parseYaml, type SourceText, YAML_LIMITS } from '../yaml/parse.ts';

/** Blocks of a broken text that are looked at; a configuration has a few dozen keys. */
const BLOCK_LIMIT = 200;

/**
 * What can be read of a text that is no YAML as a whole: it is cut where a line starts with a key at its very start, and each
 * piece is read on its own. Pieces that cannot be read are left out, with a warning that says why and where.
 */
export function salvageBlocks(source: SourceText): { node: LocatedMap; problems: Problem[] } {
  const at = { file: source.path, line: 1, column: 1 };
  const entries: LocatedEntry[] = [];
  const problems: Problem[] = [];
  const known = new Set<string>();
  let values = 0;
  const blocks = cutBlocks(source.text);
  for (const [index, { line, lines }] of blocks.entries()) {
    const budget = YAML_LIMITS.values - values;
    if (index >= BLOCK_LIMIT || budget <= 0) {
      const message = `what follows is left out: the file has more than ${BLOCK_LIMIT} blocks or ${YAML_LIMITS.values} values`;
      problems.push({ ...at, line: line + 1, path: '', message, severity: 'warning' });
      break;
    }
    const part = { ...source, text: lines.join('\n') };
    const parsed = parseYaml(part, { mergeKeys: true, firstDocument: true, values: budget });
    values += parsed.values ?? 0;
    const moved = parsed.problems.map((problem) => ({ ...problem, line: problem.line + line }));
    const [first] = moved;
    const key = /^([\w-]+):/.exec(lines[0] ?? '')?.[1];
    const name = key !== undefined && key.length <= 60 ? `the block ${key}` : 'a part of the file';
    if (parsed.node?.kind === 'map' && !first) {
      for (const entry of parsed.node.entries) {
        if (!known.has(entry.key)) entries.push(moveEntry(entry, line));
        known.add(entry.key);
      }
    } else if (first || parsed.node?.kind === 'scalar' || parsed.node?.kind === 'list') {
      const where = first ?? { ...at, line: line + 1 };
      const reason = first ? first.message : 'it is no key with a value';
      const message = `${name} cannot be read and is left out: ${reason}`;
      problems.push({
        file: source.path,
        line: where.line,
        column: where.column,
        path: '',
        message,
        severity: 'warning',
      });
    }
  }
  return { node: { kind: 'map', entries, at }, problems };
}

function cutBlocks(text: string): { line: number; lines: string[] }[] {
  const blocks: { line: number; lines: string[] }[] = [];
  let current: { line: number; lines: string[] } | undefined;
  let inBlock = false;
  for (const [index, line] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    const startsKey = /^[A-Za-z_][\w.-]*:(\s|$)/.test(line);
    // A line at the very start that is neither key, list item, comment nor end of a bracket belongs to nothing.
    const stray: boolean = inBlock && /^[^\s#\-\]}]/.test(line) && !startsKey;
    if (!current || startsKey || stray) {
      current = { line: index, lines: [] };
      blocks.push(current);
    }
    inBlock = startsKey || (inBlock && !stray);
    current.lines.push(line);
  }
  return blocks.filter((block) => block.lines.some((line) => !/^\s*(#|$)/.test(line)));
}

function moveEntry(entry: LocatedEntry, by: number): LocatedEntry {
  const move = <T extends LocatedEntry['value']>(node: T): T => {
    const at = { ...node.at, line: node.at.line + by };
    if (node.kind === 'list') return { ...node, at, items: node.items.map(move) };
    if (node.kind === 'map') return { ...node, at, entries: node.entries.map((inner) => moveEntry(inner, by)) };
    return { ...node, at };
  };
  return { key: entry.key, keyAt: { ...entry.keyAt, line: entry.keyAt.line + by }, value: move(entry.value) };
}
