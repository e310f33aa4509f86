/** Comparisons of a query. */
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';

/** A parsed query. */
export type QueryNode =
  | { kind: 'identity' }
  | { kind: 'literal'; value: string | number | boolean | null }
  | { kind: 'index'; target: QueryNode; key: QueryNode }
  | { kind: 'slice'; target: QueryNode; from: number | undefined; to: number | undefined }
  | { kind: 'iterate'; target: QueryNode }
  | { kind: 'try'; body: QueryNode }
  | { kind: 'pipe' | 'comma' | 'and' | 'or' | 'alternative'; left: QueryNode; right: QueryNode }
  | { kind: 'compare'; operator: Comparison; left: QueryNode; right: QueryNode }
  | { kind: 'array'; body: QueryNode | undefined }
  | { kind: 'object'; entries: { key: QueryNode; value: QueryNode }[] }
  | { kind: 'call'; name: string; args: QueryNode[] };

/** Functions of queries and how many arguments they take. */
export const QUERY_FUNCTIONS: Readonly<Record<string, number>> = {
  select: 1,
  map: 1,
  has: 1,
  keys: 0,
  length: 0,
  type: 0,
  not: 0,
  empty: 0,
  first: 0,
  last: 0,
  add: 0,
  sort: 0,
  unique: 0,
  to_entries: 0,
  tostring: 0,
  tojson: 0,
  join: 1,
  contains: 1,
  startswith: 1,
  endswith: 1,
  test: 1,
  recurse: 0,
};
