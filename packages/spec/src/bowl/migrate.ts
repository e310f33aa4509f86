import type { Problem } from '../problem.ts';
import { nearestWord } from '../schema/nearest.ts';
import { entryOf, type Located, type LocatedMap, locate, toValue } from '../yaml/located.ts';

/** The version that this code reads and writes. */
export const CURRENT_API_VERSION = 'bowline/v1';

/** One step from a version of the format to the next; `migrate` gets and returns plain values and leaves apiVersion alone. */
export interface Migration {
  from: string;
  to: string;
  migrate: (document: Record<string, unknown>) => Record<string, unknown>;
}

/** Every step there is; a document takes as many as it needs. */
export const MIGRATIONS: readonly Migration[] = [];

const VERSION = /^bowline\/v([1-9][0-9]{0,5})$/;

/**
 * Brings a document to `current`, by the steps of the table and never by guessing. Values keep their places where the step
 * left them. `node` is undefined when the document cannot be understood; a missing version is reported and read as current,
 * so that the other problems are found too.
 */
export function migrateDocument(
  document: LocatedMap,
  migrations: readonly Migration[] = MIGRATIONS,
  current: string = CURRENT_API_VERSION,
): { node: Located | undefined; problems: Problem[] } {
  const entry = entryOf(document, 'apiVersion');
  const fail = (at: Located['at'], message: string, suggestion?: string): Problem => {
    const problem: Problem = { ...at, path: 'apiVersion', message, severity: 'error' };
    return suggestion === undefined ? problem : { ...problem, suggestion };
  };
  const withCurrent = (node: Located): Located => {
    const value = { ...(toValue(node) as Record<string, unknown>), apiVersion: current };
    return locate(value, node);
  };
  if (!entry) {
    const message = `apiVersion is missing; write "apiVersion: ${current}" as the first line`;
    return { node: withCurrent(document), problems: [fail(document.at, message)] };
  }
  const written = entry.value.kind === 'scalar' ? entry.value.value : undefined;
  if (typeof written !== 'string' || !VERSION.test(written)) {
    const shown =
      typeof written === 'string' && /^[\w./-]{1,40}$/.test(written) ? `, not ${JSON.stringify(written)}` : '';
    const near = typeof written === 'string' ? nearestWord(written, [current]) : undefined;
    const problem = fail(entry.value.at, `apiVersion must be ${current}${shown}`, near);
    return { node: withCurrent(document), problems: [problem] };
  }
  if (versionNumber(written) > versionNumber(current)) {
    const message = `apiVersion ${written} needs a newer Bowline; this one reads up to ${current}`;
    return { node: undefined, problems: [fail(entry.value.at, message)] };
  }
  let version = written;
  let node: Located = document;
  while (version !== current) {
    const step = migrations.find((migration) => migration.from === version);
    if (!step || versionNumber(step.to) <= versionNumber(version)) {
      const message = `apiVersion ${version} is not known; write ${current} after adapting the document`;
      return { node: undefined, problems: [fail(entry.value.at, message)] };
    }
    const value = step.migrate(toValue(node) as Record<string, unknown>);
    node = locate({ ...value, apiVersion: step.to }, node);
    version = step.to;
  }
  return { node, problems: [] };
}

function versionNumber(version: string): number {
  return Number(VERSION.exec(version)?.[1] ?? Number.NaN);
}
