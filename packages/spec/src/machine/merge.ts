import type { Problem } from '../problem.ts';
import { formatPath, type Path } from '../yaml/located.ts';

/** What one file, or the kernel command line, gives to a merge. */
export interface MergeSource {
  file: string;
  values: Readonly<Record<string, unknown>>;
}

/** Values of all sources in one map. */
export interface MergedValues {
  values: Record<string, unknown>;
  /** Warnings `cannot merge X with Y`: the value of the later file is left out. */
  problems: Problem[];
}

type ValueMap = Record<string, unknown>;

/**
 * Merges the values of several documents, in their order: maps deeply; of scalars the later wins; a list of maps gets the
 * later items appended, any other list those it lacks; null resets to nothing of the same type ("", 0, false, [], {}).
 * `stages` are no values: the steps of every document run. Merging never changes its arguments.
 */
export function mergeMachineValues(sources: readonly MergeSource[]): MergedValues {
  const problems: Problem[] = [];
  let values: ValueMap = {};
  for (const { file, values: later } of sources) {
    const report = (path: Path, message: string): void => {
      problems.push({ file, line: 1, column: 1, path: formatPath(path), message, severity: 'warning' });
    };
    values = mergeMaps(values, later, [], report);
  }
  return { values, problems };
}

type Report = (path: Path, message: string) => void;

function mergeMaps(earlier: ValueMap, later: ValueMap, path: Path, report: Report): ValueMap {
  const merged = new Map(Object.entries(earlier));
  for (const [key, value] of Object.entries(later)) {
    const before = merged.get(key);
    if (before === undefined || before === null) {
      // There is nothing to reset, but below a map nulls may stand too.
      const fresh = isMap(value) ? mergeMaps({}, value, [...path, key], report) : value;
      if (fresh !== null && fresh !== undefined) merged.set(key, fresh);
    } else merged.set(key, mergeTwo(before, value, [...path, key], report));
  }
  return Object.fromEntries(merged);
}

function mergeTwo(earlier: unknown, later: unknown, path: Path, report: Report): unknown {
  if (later === null || later === undefined) return zeroOf(earlier);
  const [mine, other] = [kindOf(earlier), kindOf(later)];
  if (mine !== other) {
    report(path, `${formatPath(path)}: cannot merge ${mine} with ${other}; the earlier value stays`);
    return earlier;
  }
  if (isMap(earlier) && isMap(later)) return mergeMaps(earlier, later, path, report);
  if (!Array.isArray(earlier) || !Array.isArray(later)) return later;
  if (isMap(earlier[0])) return [...earlier, ...later];
  const known = new Set(earlier.map(fingerprint));
  return [...earlier, ...later.filter((item) => !known.has(fingerprint(item)))];
}

function zeroOf(value: unknown): unknown {
  if (Array.isArray(value)) return [];
  if (isMap(value)) return {};
  return typeof value === 'string' ? '' : typeof value === 'number' ? 0 : false;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (isMap(value)) return 'a map';
  return typeof value === 'string' ? 'text' : typeof value === 'number' ? 'a number' : 'true or false';
}

function isMap(value: unknown): value is ValueMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Equal for equal values, whatever the order of their keys. */
function fingerprint(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(fingerprint).join(',')}]`;
  if (!isMap(value)) return JSON.stringify(value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${fingerprint(item)}`).join(',')}}`;
}
