import { isDeepStrictEqual } from 'node:util';
import { AgentError } from '../error.ts';
import { parseQuery } from './parse-query.ts';
import { callFunction, compareJson, typeName } from './query-function.ts';
import type { Comparison, QueryNode } from './query-node.ts';

const MAX_RESULTS = 100_000;

/**
 * Results of a query (the common part of jq) on data such as JSON gives. Throws AgentError QUERY_INVALID when the query
 * cannot be parsed, or asks something of a value that it does not have; the message names types, never values.
 */
export function runQuery(query: string, data: unknown): unknown[] {
  const results: unknown[] = [];
  for (const result of evaluate(parseQuery(query), data)) {
    if (results.length >= MAX_RESULTS) throw refuse(`the query gives more than ${MAX_RESULTS} results`);
    results.push(result);
  }
  return results;
}

function* evaluate(node: QueryNode, input: unknown): Iterable<unknown> {
  switch (node.kind) {
    case 'identity':
      yield input;
      return;
    case 'literal':
      yield node.value;
      return;
    case 'index':
      for (const key of evaluate(node.key, input)) {
        for (const target of evaluate(node.target, input)) yield lookUp(target, key);
      }
      return;
    case 'slice':
      for (const target of evaluate(node.target, input)) yield slice(target, node.from, node.to);
      return;
    case 'iterate':
      for (const target of evaluate(node.target, input)) yield* itemsOf(target);
      return;
    case 'try':
      yield* attempt(node.body, input);
      return;
    case 'pipe':
      for (const value of evaluate(node.left, input)) yield* evaluate(node.right, value);
      return;
    case 'comma':
      yield* evaluate(node.left, input);
      yield* evaluate(node.right, input);
      return;
    case 'alternative':
      yield* alternative(node.left, node.right, input);
      return;
    case 'and':
    case 'or':
      yield* logic(node.kind, node.left, node.right, input);
      return;
    case 'compare':
      for (const right of evaluate(node.right, input)) {
        for (const left of evaluate(node.left, input)) yield compare(node.operator, left, right);
      }
      return;
    case 'array':
      yield node.body === undefined ? [] : [...evaluate(node.body, input)];
      return;
    case 'object':
      yield* objects(node.entries, input);
      return;
    case 'call':
      yield* callFunction(node.name, node.args, input, evaluate);
  }
}

function lookUp(target: unknown, key: unknown): unknown {
  if (target === null || target === undefined) return null;
  if (Array.isArray(target) && typeof key === 'number') return (target.at(Math.floor(key)) as unknown) ?? null;
  if (isObject(target) && typeof key === 'string') return Object.hasOwn(target, key) ? (target[key] ?? null) : null;
  const what = typeof key === 'string' ? `the key ${JSON.stringify(key)}` : `an index of type ${typeName(key)}`;
  throw refuse(`${what} was asked of ${typeName(target)}`);
}

function slice(target: unknown, from: number | undefined, to: number | undefined): unknown {
  if (target === null || target === undefined) return null;
  if (typeof target === 'string' || Array.isArray(target)) return target.slice(from ?? 0, to);
  throw refuse(`a slice was asked of ${typeName(target)}`);
}

function itemsOf(target: unknown): readonly unknown[] {
  if (Array.isArray(target)) return target;
  if (isObject(target)) return Object.values(target);
  throw refuse(`items were asked of ${typeName(target)}`);
}

function* attempt(body: QueryNode, input: unknown): Iterable<unknown> {
  try {
    yield* evaluate(body, input);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
  }
}

/** Results of the left side that are neither false nor null; without any, the right side. */
function* alternative(left: QueryNode, right: QueryNode, input: unknown): Iterable<unknown> {
  const found = [...attempt(left, input)].filter(isTruthy);
  yield* found.length > 0 ? found : evaluate(right, input);
}

function* logic(kind: 'and' | 'or', left: QueryNode, right: QueryNode, input: unknown): Iterable<boolean> {
  for (const first of evaluate(left, input)) {
    if (isTruthy(first) === (kind === 'or')) yield kind === 'or';
    else for (const second of evaluate(right, input)) yield isTruthy(second);
  }
}

function compare(operator: Comparison, left: unknown, right: unknown): boolean {
  if (operator === '==') return isDeepStrictEqual(left, right);
  if (operator === '!=') return !isDeepStrictEqual(left, right);
  const order = compareJson(left, right);
  if (operator === '<') return order < 0;
  if (operator === '<=') return order <= 0;
  return operator === '>' ? order > 0 : order >= 0;
}

function* objects(entries: readonly { key: QueryNode; value: QueryNode }[], input: unknown): Iterable<unknown> {
  const [first, ...rest] = entries;
  if (first === undefined) {
    yield {};
    return;
  }
  for (const key of evaluate(first.key, input)) {
    if (typeof key !== 'string') throw refuse(`a key must be text, not ${typeName(key)}`);
    for (const value of evaluate(first.value, input)) {
      for (const others of objects(rest, input))
        yield Object.fromEntries([[key, value], ...Object.entries(others as object)]);
    }
  }
}

function isTruthy(value: unknown): boolean {
  return value !== false && value !== null && value !== undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(message: string): AgentError {
  return new AgentError({ code: 'QUERY_INVALID', message: `query: ${message}` });
}
