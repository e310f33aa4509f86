import { BowlineError } from '@bowline/errors';
import { type Problem, sortProblems } from '../problem.ts';
import { explain } from '../schema/explain.ts';
import { formatPath, type Located, type LocatedScalar, nearestNode, toValue, valueOf } from '../yaml/located.ts';
import { parseYaml, type SourceText } from '../yaml/parse.ts';
import { checkCloudConfig, type ReadCloudConfig } from './check-cloud-config.ts';
import { checkRules } from './check-rules.ts';
import { mergeDocuments } from './merge.ts';
import { CURRENT_API_VERSION, MIGRATIONS, type Migration, migrateDocument } from './migrate.ts';
import { folderOf, relativePath } from './paths.ts';
import { rebasePaths } from './rebase.ts';
import { Bowl } from './schema.ts';

/** How many bowls may extend one another, the first one included. */
export const EXTENDS_LIMIT = 8;

/** More problems than this are counted, not listed. */
const PROBLEM_LIMIT = 200;

/**
 * Finds the bowl that `extends: reference` in the file `fromPath` means. What it throws becomes a problem at the `extends`
 * line, except an AbortError. For its relative paths, the way between the folders of the files must be known from `location`
 * (else `path`) alone: give absolute locations, or relative ones without leading `..`; else that is a problem too.
 */
export type ReadExtends = (reference: string, fromPath: string) => Promise<SourceText>;

export interface LoadOptions {
  /** Instead of MIGRATIONS; for tests. */
  migrations?: readonly Migration[];
  /** Lets the file of `cloudConfig.file` be checked too; inline text always is. */
  readCloudConfig?: ReadCloudConfig;
}

export type LoadResult =
  | {
      ok: true;
      /** Defaults filled in, `extends` merged and gone; every relative path starts at the folder of the first file. */
      bowl: Bowl;
      /** Of severity `warning` only. */
      warnings: Problem[];
      /** The bowl, then what it extends, nearest first. */
      sources: SourceText[];
    }
  | {
      ok: false;
      /** All that is wrong, by file, line and column; at least one of severity `error`. */
      problems: Problem[];
    };

/** Reads a bowl and everything it extends. All problems of all files are reported at once; secrets are in none of them. */
export async function loadBowl(
  source: SourceText,
  readExtends: ReadExtends,
  options: LoadOptions = {},
): Promise<LoadResult> {
  const { layers, sources, problems, whole } = await readChain(source, readExtends, options.migrations ?? MIGRATIONS);
  const folder = folderOf(locationOf(source));
  const documents = layers.map(({ node, location }, index) =>
    index === 0 ? node : rebasePaths(node, Bowl, relativePath(folder, folderOf(location))),
  );
  const merged = documents.reduceRight<Located | undefined>(
    (below, own) => (below ? mergeDocuments(below, own, Bowl) : own),
    undefined,
  );
  if (merged) {
    const document = withoutKey(merged, 'extends');
    // A malformed `extends` is reported already.
    const explained = whole ? merged : document;
    problems.push(...explain(explained, Bowl, { partial: !whole }), ...checkRules(document));
    if (!hasError(problems) && whole) {
      const result = Bowl.safeParse(toValue(document));
      if (result.success) {
        problems.push(...(await checkCloudConfig(document, sources, options.readCloudConfig)));
        if (hasError(problems)) return { ok: false, problems: limit(sorted(problems, sources)) };
        return { ok: true, bowl: result.data, warnings: sorted(problems, sources), sources };
      }
      // The explanation above knows fewer rules than the schema: say what the schema says.
      for (const issue of result.error.issues) {
        const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
        const { at } = nearestNode(document, path);
        problems.push({ ...at, path: formatPath(path), message: issue.message, severity: 'error' });
      }
    }
  }
  return { ok: false, problems: limit(sorted(problems, sources)) };
}

interface Layer {
  node: Located;
  location: string;
}

/** Reads the chain of `extends`, nearest first. `whole` is false when some document of it could not be used. */
async function readChain(first: SourceText, readExtends: ReadExtends, migrations: readonly Migration[]) {
  const layers: Layer[] = [];
  const sources: SourceText[] = [first];
  const problems: Problem[] = [];
  let source = first;
  for (;;) {
    const document = readDocument(source, migrations);
    problems.push(...document.problems);
    if (!document.node) return { layers, sources, problems, whole: false };
    layers.push({ node: document.node, location: locationOf(source) });
    const reference = valueOf(document.node, 'extends');
    if (!reference) return { layers, sources, problems, whole: true };
    const next = await follow(reference, sources, readExtends);
    if ('problem' in next) return { layers, sources, problems: [...problems, next.problem], whole: false };
    source = next.source;
    sources.push(source);
  }
}

function readDocument(source: SourceText, migrations: readonly Migration[]) {
  const { node, problems } = parseYaml(source);
  if (problems.length > 0 && !node) return { node: undefined, problems };
  const at = node?.at ?? { file: source.path, line: 1, column: 1 };
  if (!node || (node.kind === 'scalar' && node.value === null)) {
    const message = `the file is empty; a bowl starts with "apiVersion: ${CURRENT_API_VERSION}"`;
    return { node: undefined, problems: [...problems, errorAt(at, '', message)] };
  }
  if (node.kind !== 'map') {
    const kind = node.kind === 'list' ? 'a list' : 'plain text';
    const message = `a bowl is a map of keys ("apiVersion: ${CURRENT_API_VERSION}" first), not ${kind}`;
    return { node: undefined, problems: [...problems, errorAt(at, '', message)] };
  }
  const migrated = migrateDocument(node, migrations);
  return { node: migrated.node, problems: [...problems, ...migrated.problems] };
}

async function follow(
  reference: Located,
  sources: readonly SourceText[],
  readExtends: ReadExtends,
): Promise<{ source: SourceText } | { problem: Problem }> {
  const fail = (message: string) => ({ problem: errorAt(reference.at, 'extends', message) });
  if (!isText(reference) || reference.value === '' || reference.value.length > 4096) {
    return fail('extends must be the name of a ready bowl or the path of a bowl file');
  }
  const chain = sources.map((source) => source.path);
  if (chain.length >= EXTENDS_LIMIT) {
    return fail(`more than ${EXTENDS_LIMIT} bowls extend one another: ${chain.join(' -> ')}`);
  }
  let next: SourceText;
  try {
    next = await readExtends(reference.value, chain.at(-1) ?? '');
  } catch (error) {
    if (!(error instanceof Error) || error.name === 'AbortError') throw error;
    const hint = error instanceof BowlineError && error.hint ? ` ${error.hint}` : '';
    return fail(`extends ${JSON.stringify(reference.value.slice(0, 200))}: ${error.message}${hint}`);
  }
  if (sources.some((source) => locationOf(source) === locationOf(next)))
    return fail(`bowls extend one another in a circle: ${[...chain, next.path].join(' -> ')}`);
  const [first] = sources;
  if (first && !wayIsKnown(first, next)) {
    return fail(`extends: the way from the folder of ${first.path} to ${next.path} is not known; use absolute paths`);
  }
  return { source: next };
}

function wayIsKnown(from: SourceText, to: SourceText): boolean {
  try {
    relativePath(folderOf(locationOf(from)), folderOf(locationOf(to)));
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

function locationOf(source: SourceText): string {
  return source.location ?? source.path;
}

function isText(node: Located): node is LocatedScalar & { value: string } {
  return node.kind === 'scalar' && typeof node.value === 'string';
}

function withoutKey(node: Located, key: string): Located {
  return node.kind === 'map' ? { ...node, entries: node.entries.filter((entry) => entry.key !== key) } : node;
}

function errorAt(at: Located['at'], path: string, message: string): Problem {
  return { ...at, path, message, severity: 'error' };
}

function hasError(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === 'error');
}

function sorted(problems: readonly Problem[], sources: readonly SourceText[]): Problem[] {
  return sortProblems(
    problems,
    sources.map((source) => source.path),
  );
}

function limit(problems: Problem[]): Problem[] {
  const last = problems[PROBLEM_LIMIT - 1];
  if (problems.length <= PROBLEM_LIMIT || !last) return problems;
  const rest = problems.length - PROBLEM_LIMIT + 1;
  const shown = problems.slice(0, PROBLEM_LIMIT - 1);
  // Warnings may have pushed every error out of the list, which must hold one.
  return [...shown, { ...last, path: '', severity: 'error', message: `and ${rest} more problems in the document` }];
}
