import type { Problem } from '../problem.ts';
import { entryOf, formatPath, type Located, type Path, type Position, toValue, valueOf } from '../yaml/located.ts';
import { RULES, type Rule } from './rules.ts';

interface Place {
  node: Located;
  path: Path;
}

/** Checks what lies between keys. Parts of a wrong type are left to the schema. */
export function checkRules(root: Located, rules: readonly Rule[] = RULES): Problem[] {
  return rules.flatMap((rule) => checkRule(root, rule));
}

function checkRule(root: Located, rule: Rule): Problem[] {
  if (rule.kind === 'disjoint') return checkDisjoint(root, rule.lists);
  return placesOf(root, rule.path).flatMap((place) => {
    switch (rule.kind) {
      case 'exactly-one':
        return checkExactlyOne(place, rule.keys, rule.beside ?? []);
      case 'unique':
        return checkUnique(place, rule.key, rule.severity);
      case 'no-effect':
        return checkNoEffect(place, rule.key, rule.beside);
      case 'each-arch':
        return checkEachArch(place, archOf(root));
    }
  });
}

/** Every place of a document that a schema path such as `firmware[].rootfs` means. */
function placesOf(root: Located, path: string): Place[] {
  let places: Place[] = [{ node: root, path: [] }];
  for (const [, key, item] of path.matchAll(/([^.[\]]+)|(\[\])/g)) {
    places = places.flatMap(({ node, path: before }) => {
      if (item) {
        return node.kind === 'list'
          ? node.items.map((child, index) => ({ node: child, path: [...before, index] }))
          : [];
      }
      const child = key === undefined ? undefined : valueOf(node, key);
      return child && key !== undefined ? [{ node: child, path: [...before, key] }] : [];
    });
  }
  return places;
}

function checkExactlyOne({ node, path }: Place, keys: readonly string[], beside: readonly string[]): Problem[] {
  if (node.kind !== 'map') return [];
  const given = node.entries.filter((entry) => keys.includes(entry.key));
  const name = formatPath(path);
  if (given.length === 0) {
    // Any other key is unknown and reported as such: most likely it is the misspelt choice.
    return node.entries.some((entry) => !beside.includes(entry.key))
      ? []
      : [problem(node.at, path, `${name} needs exactly one of ${keys.join(', ')}`)];
  }
  const [, ...extra] = given;
  const [second] = extra;
  if (!second) return [];
  const names = given.map((entry) => entry.key);
  return [problem(second.keyAt, path, `${name} has ${names.join(' and ')}; keep exactly one of them`)];
}

function checkUnique({ node, path }: Place, key: string | undefined, severity: Problem['severity']): Problem[] {
  if (node.kind !== 'list') return [];
  const first = new Map<unknown, Position>();
  return node.items.flatMap((item, index) => {
    const part = key === undefined ? item : valueOf(item, key);
    if (part?.kind !== 'scalar' || part.value === null) return [];
    const earlier = first.get(part.value);
    if (!earlier) {
      first.set(part.value, part.at);
      return [];
    }
    const itemPath = key === undefined ? [...path, index] : [...path, index, key];
    const message = `${formatPath(itemPath)} is given twice: ${describe(part.value)}, first in ${lineOf(earlier, part.at)}`;
    return [problem(part.at, itemPath, message, severity)];
  });
}

function checkDisjoint(root: Located, lists: readonly string[]): Problem[] {
  const first = new Map<unknown, { list: string; at: Position }>();
  const problems: Problem[] = [];
  for (const list of lists) {
    for (const { node, path } of placesOf(root, `${list}[]`)) {
      if (node.kind !== 'scalar' || typeof node.value !== 'string') continue;
      const earlier = first.get(node.value);
      if (!earlier) first.set(node.value, { list, at: node.at });
      else if (earlier.list !== list) {
        const where = `${earlier.list} (${lineOf(earlier.at, node.at)})`;
        problems.push(problem(node.at, path, `${describe(node.value)} is in ${list} and in ${where}; keep one`));
      }
    }
  }
  return problems;
}

function checkNoEffect({ node, path }: Place, key: string, beside: string): Problem[] {
  const entry = entryOf(node, key);
  if (!entry || !entryOf(node, beside)) return [];
  const keyPath = [...path, key];
  return [problem(entry.keyAt, keyPath, `${formatPath(keyPath)} has no effect beside ${beside}`, 'warning')];
}

function checkEachArch({ node, path }: Place, wanted: readonly string[]): Problem[] {
  if (node.kind !== 'map') return [];
  const missing = wanted.filter((arch) => !entryOf(node, arch));
  if (missing.length === 0) return [];
  return [problem(node.at, path, `${formatPath(path)} names no tar for ${missing.join(' and ')}, which arch asks for`)];
}

function archOf(root: Located): string[] {
  const arch = valueOf(root, 'arch');
  if (!arch) return ['amd64'];
  const value = toValue(arch);
  return Array.isArray(value) ? value.filter((item) => item === 'amd64' || item === 'arm64') : [];
}

function lineOf(at: Position, from: Position): string {
  return at.file === from.file ? `line ${at.line}` : `${at.file}:${at.line}`;
}

function describe(value: string | number | boolean): string {
  return JSON.stringify(typeof value === 'string' ? value.slice(0, 80) : value);
}

function problem(at: Position, path: Path, message: string, severity: Problem['severity'] = 'error'): Problem {
  return { ...at, path: formatPath(path), message, severity };
}
