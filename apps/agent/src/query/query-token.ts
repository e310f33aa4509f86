import { AgentError } from '../error.ts';

/** A token of a query; `at` counts from 0. */
export interface QueryToken {
  kind: 'word' | 'number' | 'string' | 'sign' | 'end';
  text: string;
  at: number;
}

const TOKEN =
  /\s*(?:([A-Za-z_]\w*)|(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|("(?:[^"\\]|\\.)*")|(\.\.|\/\/|[=!<>]=|[.[\](){}|,:;?<>+*/%$@-]))/y;
const KINDS = ['word', 'number', 'string', 'sign'] as const;

/** Tokens of a query. Throws AgentError QUERY_INVALID. */
export function tokenizeQuery(text: string): QueryToken[] {
  const tokens: QueryToken[] = [];
  let at = 0;
  while (text.slice(at).trim() !== '') {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) throw queryInvalid(text, at, `unexpected ${JSON.stringify(text.slice(at).trim()[0])}`);
    const kind = KINDS.findIndex((_kind, index) => match[index + 1] !== undefined);
    const found = match[kind + 1] ?? '';
    at = TOKEN.lastIndex;
    tokens.push({ kind: KINDS[kind] ?? 'sign', text: found, at: at - found.length });
  }
  tokens.push({ kind: 'end', text: '', at: text.length });
  return tokens;
}

/** QUERY_INVALID, with the place in the query. */
export function queryInvalid(query: string, at: number, message: string): AgentError {
  return new AgentError({
    code: 'QUERY_INVALID',
    message: `query ${JSON.stringify(query)}, column ${at + 1}: ${message}`,
    hint: 'Supported: paths (.a.b[0], .a[], .a[1:3], .a?), |, comma, //, comparison, and, or, [..], {..}, and functions such as select, map, keys, length, has, test. For more: `bowline-agent config --json | jq`.',
  });
}
