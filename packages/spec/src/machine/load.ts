import { type Problem, sortProblems } from '../problem.ts';
import { quote } from '../schema/explain.ts';
import type { LocatedEntry, LocatedMap } from '../yaml/located.ts';
import { type ParseResult, parseYaml, type SourceText } from '../yaml/parse.ts';
import type { MachineDocument, MachineDocumentResult } from './document.ts';
import { documentOf } from './document-of.ts';
import { findAlmostHeader, findHeader, holdsHeader } from './header.ts';
import { salvageBlocks } from './salvage.ts';
import { MachineConfig } from './schema.ts';

/** More problems of one document than this are counted, not listed. */
const PROBLEM_LIMIT = 200;

/** Keys that a file without header is read for: what tools of images write without one. */
const KEYS_WITHOUT_HEADER = new Set(['name', 'stages']);

/** How to read. */
export interface MachineDocumentOptions {
  /** Every warning is an error: for who writes the document, not for the machine that must live with it. */
  strict?: boolean;
}

/**
 * Reads one configuration file of a machine. It never throws: what is wrong is in `problems`, and what is right is used.
 * Only a text that is no configuration at all (not YAML anywhere, a list, beyond a limit) gives no document.
 */
export function loadMachineDocument(source: SourceText, options: MachineDocumentOptions = {}): MachineDocumentResult {
  const result = load(source);
  const problems = limit(sortProblems(withoutRepeats(result.problems), [source.path]));
  if (!options.strict || problems.length === 0) return { ...result, problems };
  const errors = problems.map((problem): Problem => ({ ...problem, severity: 'error' }));
  return { document: undefined, problems: errors, incomplete: result.incomplete };
}

function load(source: SourceText): MachineDocumentResult {
  const unusable = (problems: Problem[]): MachineDocumentResult => ({
    document: undefined,
    problems,
    incomplete: true,
  });
  const at = { file: source.path, line: 1, column: 1 };
  if (source.text.includes('\0')) {
    // Decoded as UTF-8, every second character of ASCII text in UTF-16 is a NUL.
    const wide = /^(\ufffd\ufffd|\ufeff)?(\0[^\0]|[^\0]\0)(\0[^\0]|[^\0]\0)/.test(source.text);
    const message = wide ? 'the file is UTF-16; save it as UTF-8' : 'the file holds NUL bytes, which text never does';
    return unusable([{ ...at, path: '', message, severity: 'error' }]);
  }
  const { node, problems, incomplete, fatal } = parse(source);
  if (fatal) return unusable(problems);
  if (!node) {
    const message = 'the file holds no configuration';
    return { document: emptyDocument(source), problems: [...problems, warningAt(at, message)], incomplete };
  }
  const header = findHeader(source.text);
  const own = header ? node : { ...node, entries: node.entries.filter(({ key }) => KEYS_WITHOUT_HEADER.has(key)) };
  if (!header) problems.push(...headerProblems(source, node));
  const made = documentOf(own, source.path);
  return { document: made.document, problems: [...problems, ...made.problems], incomplete };
}

function parse(source: SourceText) {
  const parsed: ParseResult = parseYaml(source, { mergeKeys: true, firstDocument: true });
  const { node } = parsed;
  const broken = parsed.problems.some((problem) => problem.severity === 'error');
  if (parsed.overLimit) return { node: undefined, problems: parsed.problems, incomplete: true, fatal: true };
  if (!node && !broken) return { node: undefined, problems: parsed.problems, incomplete: false, fatal: false };
  if (!node) {
    const salvaged = salvageBlocks(source);
    const known = salvaged.node.entries.some(({ key }) => Object.hasOwn(MachineConfig.shape, key));
    if (known || holdsHeader(source.text)) return { ...salvaged, incomplete: true, fatal: false };
    return { node: undefined, problems: parsed.problems, incomplete: true, fatal: true };
  }
  if (node.kind === 'scalar' && node.value === null) {
    return { node: undefined, problems: asWarnings(parsed.problems), incomplete: broken, fatal: false };
  }
  if (node.kind !== 'map') {
    const kind = node.kind === 'list' ? 'a list' : 'plain text';
    const message = `a configuration is a map of keys, not ${kind}`;
    const problem: Problem = { ...node.at, path: '', message, severity: 'error' };
    return { node: undefined, problems: [...parsed.problems, problem], incomplete: true, fatal: true };
  }
  return { node, problems: asWarnings(parsed.problems), incomplete: broken, fatal: false };
}

/** What the parser refuses in one place leaves the rest readable. */
function asWarnings(problems: readonly Problem[]): Problem[] {
  return problems.map((problem) => ({ ...problem, severity: 'warning' }));
}

function headerProblems(source: SourceText, node: LocatedMap): Problem[] {
  const almost = findAlmostHeader(source.text);
  const at = { file: source.path, line: almost?.line ?? 1, column: 1 };
  if (almost) {
    return [{ ...warningAt(at, 'this is no header, so only name and stages are read'), suggestion: almost.header }];
  }
  const foreign = ['apiVersion', 'kind'].every((key) => node.entries.some((entry) => entry.key === key));
  if (foreign) return [warningAt(at, 'this looks like a Kubernetes object, not like a configuration of a machine')];
  return node.entries.filter(({ key }) => !KEYS_WITHOUT_HEADER.has(key)).map(ignoredWithoutHeader);
}

function ignoredWithoutHeader({ key, keyAt }: LocatedEntry): Problem {
  const known = Object.hasOwn(MachineConfig.shape, key);
  const name = quote(key) ?? 'a key';
  const cure = known ? 'write #cloud-config into the first line' : 'nothing knows it either';
  return { ...warningAt(keyAt, `${name} is ignored: the file has no header; ${cure}`), path: known ? key : '' };
}

function emptyDocument({ path }: SourceText): MachineDocument {
  return { file: path, name: path, values: {}, stages: {} };
}

function warningAt(at: LocatedMap['at'], message: string): Problem {
  return { ...at, path: '', message, severity: 'warning' };
}

/** What is wrong in a part that aliases use again is said once. */
function withoutRepeats(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ line, column, path, message, suggestion }) => {
    const what = path === '' ? message : (path.split('.').at(-1) ?? '');
    const key = [line, column, what, suggestion].join(' ');
    return seen.has(key) ? false : seen.add(key);
  });
}

function limit(problems: Problem[]): Problem[] {
  const last = problems[PROBLEM_LIMIT - 1];
  if (problems.length <= PROBLEM_LIMIT || !last) return problems;
  const rest = problems.length - PROBLEM_LIMIT + 1;
  return [
    ...problems.slice(0, PROBLEM_LIMIT - 1),
    { ...last, path: '', message: `and ${rest} more problems in the document` },
  ];
}
