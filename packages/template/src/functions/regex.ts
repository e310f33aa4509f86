import { RE2JS, RE2JSSyntaxException } from 're2js';
import { type FunctionContext, FunctionFailure, type FunctionTable, fn, type TemplateFunction } from './function.ts';

/** One match; `groups[0]` is all of it. */
interface Match {
  start: number;
  end: number;
  groups: (string | undefined)[];
  names: Readonly<Record<string, number>>;
}

/** Regular expressions are Go's RE2: they take linear time, whatever the pattern. */
const CHECKED: Readonly<Record<string, TemplateFunction>> = {
  regexMatch: fn(['string', 'string'], (_context, pattern, text) => compile(pattern).matcher(text).find()),
  regexFind: fn(
    ['string', 'string'],
    (context, pattern, text) => matches(context, pattern, text, 1)[0]?.groups[0] ?? '',
  ),
  regexFindAll: fn(['string', 'string', 'int'], (context, pattern, text, limit) =>
    matches(context, pattern, text, limit).map(({ groups }) => groups[0] ?? ''),
  ),
  regexReplaceAll: fn(['string', 'string', 'string'], (context, pattern, text, replacement) =>
    replace(context, pattern, text, (match) => expand(replacement, match)),
  ),
  regexReplaceAllLiteral: fn(['string', 'string', 'string'], (context, pattern, text, replacement) =>
    replace(context, pattern, text, () => replacement),
  ),
  regexSplit: fn(['string', 'string', 'int'], (context, pattern, text, limit) => split(context, pattern, text, limit)),
};

/** Regular expressions. */
export const REGEX_FUNCTIONS: FunctionTable = {
  ...CHECKED,
  ...Object.fromEntries(Object.entries(CHECKED).map(([name, run]) => [`mustR${name.slice(1)}`, run])),
  regexQuoteMeta: fn(['string'], (_context, text) => text.replaceAll(/[\\.+*?()|[\]{}^$]/g, '\\$&')),
};

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    throw new FunctionFailure('the pattern is not a regular expression of RE2');
  }
}

/** Matches from left to right, at most `limit` unless it is negative. */
function matches(context: FunctionContext, pattern: string, text: string, limit: number): Match[] {
  const compiled = compile(pattern);
  const names = compiled.namedGroups();
  const matcher = compiled.matcher(text);
  const found: Match[] = [];
  let previous = -1;
  while ((limit < 0 || found.length < limit) && matcher.find()) {
    context.budget.step();
    const match = { start: matcher.start(), end: matcher.end(), names, groups: groupsOf(matcher) };
    // An empty match right behind another one does not count in Go.
    if (match.start === match.end && match.start === previous) continue;
    previous = match.end;
    found.push(match);
  }
  return found;
}

function groupsOf(matcher: ReturnType<RE2JS['matcher']>): (string | undefined)[] {
  return Array.from({ length: matcher.groupCount() + 1 }, (_none, index) => matcher.group(index) ?? undefined);
}

function replace(context: FunctionContext, pattern: string, text: string, make: (match: Match) => string): string {
  const pieces: string[] = [];
  let at = 0;
  let length = 0;
  for (const match of matches(context, pattern, text, -1)) {
    const replacement = make(match);
    length += replacement.length;
    context.budget.text(length);
    pieces.push(text.slice(at, match.start), replacement);
    at = match.end;
  }
  return pieces.join('') + text.slice(at);
}

/** `$1`, `$name` and `${name}` of a replacement; the name is as long as possible. */
function expand(replacement: string, match: Match): string {
  return replacement.replaceAll(/\$(?:\$|\{(\w+)\}|(\w+))/g, (all, braced?: string, plain?: string) => {
    const name = braced ?? plain;
    if (name === undefined) return all === '$$' ? '$' : all;
    const index = /^\d+$/.test(name) ? Number(name) : match.names[name];
    return (index === undefined ? undefined : match.groups[index]) ?? '';
  });
}

function split(context: FunctionContext, pattern: string, text: string, limit: number): string[] {
  if (limit === 0) return [];
  if (pattern !== '' && text === '') return [''];
  const pieces: string[] = [];
  let begin = 0;
  let end = 0;
  for (const match of matches(context, pattern, text, limit)) {
    if (limit > 0 && pieces.length === limit - 1) break;
    end = match.start;
    if (match.end !== 0) pieces.push(text.slice(begin, end));
    begin = match.end;
  }
  if (end !== text.length) pieces.push(text.slice(begin));
  return pieces;
}
