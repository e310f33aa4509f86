import { RE2JS, RE2JSSyntaxException } from 're2js';
import { AgentError } from '../error.ts';
import type { QueryNode } from './query-node.ts';

type Evaluate = (node: QueryNode, input: unknown) => Iterable<unknown>;

const MAX_RECURSION = 200;

/** Results of a function on one input. Throws AgentError QUERY_INVALID when the input is not of its type. */
export function* callFunction(
  name: string,
  args: readonly QueryNode[],
  input: unknown,
  evaluate: Evaluate,
): Iterable<unknown> {
  const [argument] = args;
  if (argument === undefined) {
    if (name === 'recurse') yield* recurse(input, 0);
    else if (name !== 'empty') yield withoutArgument(name, input);
    return;
  }
  if (name === 'select') {
    for (const keep of evaluate(argument, input)) if (keep !== false && keep !== null) yield input;
  } else if (name === 'map') {
    yield listOf(name, input).flatMap((item) => [...evaluate(argument, item)]);
  } else {
    for (const value of evaluate(argument, input)) yield withArgument(name, input, value);
  }
}

function withoutArgument(name: string, input: unknown): unknown {
  switch (name) {
    case 'keys':
      return Array.isArray(input) ? [...input.keys()] : Object.keys(objectOf(name, input)).toSorted();
    case 'length':
      return lengthOf(input);
    case 'type':
      return typeName(input);
    case 'not':
      return input === false || input === null;
    case 'first':
      return listOf(name, input)[0] ?? null;
    case 'last':
      return listOf(name, input).at(-1) ?? null;
    case 'add':
      return sum(listOf(name, input));
    case 'sort':
      return listOf(name, input).toSorted(compareJson);
    case 'unique':
      return listOf(name, input)
        .toSorted(compareJson)
        .filter((item, index, items) => index === 0 || compareJson(item, items[index - 1]) !== 0);
    case 'to_entries':
      return Object.entries(objectOf(name, input)).map(([key, value]) => ({ key, value }));
    case 'tostring':
      return typeof input === 'string' ? input : JSON.stringify(input);
    default:
      return JSON.stringify(input);
  }
}

function withArgument(name: string, input: unknown, argument: unknown): unknown {
  switch (name) {
    case 'has':
      if (Array.isArray(input)) return typeof argument === 'number' && argument >= 0 && argument < input.length;
      return Object.hasOwn(objectOf(name, input), textOf(name, argument));
    case 'join':
      return listOf(name, input)
        .map((item) => (item === null ? '' : typeof item === 'string' ? item : JSON.stringify(item)))
        .join(textOf(name, argument));
    case 'startswith':
      return textOf(name, input).startsWith(textOf(name, argument));
    case 'endswith':
      return textOf(name, input).endsWith(textOf(name, argument));
    case 'test':
      return compile(textOf(name, argument)).matcher(textOf(name, input)).find();
    default:
      return contains(input, argument);
  }
}

function* recurse(value: unknown, depth: number): Iterable<unknown> {
  if (depth > MAX_RECURSION) throw refuse('the data is nested too deeply');
  yield value;
  if (typeof value !== 'object' || value === null) return;
  for (const item of Object.values(value)) yield* recurse(item, depth + 1);
}

function contains(whole: unknown, part: unknown): boolean {
  if (typeof whole === 'string' && typeof part === 'string') return whole.includes(part);
  if (Array.isArray(whole) && Array.isArray(part)) {
    return part.every((wanted) => whole.some((item) => contains(item, wanted)));
  }
  if (typeName(whole) === 'object' && typeName(part) === 'object') {
    const mine = whole as Record<string, unknown>;
    return Object.entries(part as object).every(
      ([key, value]) => Object.hasOwn(mine, key) && contains(mine[key], value),
    );
  }
  return compareJson(whole, part) === 0;
}

function sum(items: readonly unknown[]): unknown {
  if (items.length === 0) return null;
  if (items.every((item) => typeof item === 'number')) return items.reduce((total, item) => total + item, 0);
  if (items.every((item) => typeof item === 'string')) return items.join('');
  if (items.every((item) => Array.isArray(item))) return items.flat();
  throw refuse('add needs numbers, texts or lists only');
}

function lengthOf(input: unknown): number {
  if (input === null) return 0;
  if (typeof input === 'string') return Array.from(input).length;
  if (typeof input === 'number') return Math.abs(input);
  if (typeof input === 'object') return Object.keys(input).length;
  throw refuse(`length was asked of ${typeName(input)}`);
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    throw refuse('test needs a regular expression of RE2');
  }
}

const TYPE_ORDER = ['null', 'boolean', 'number', 'string', 'array', 'object'];

/** The order of jq: null, false, true, numbers, text, lists, maps. */
export function compareJson(left: unknown, right: unknown): number {
  const [mine, others] = [typeName(left), typeName(right)];
  if (mine !== others) return TYPE_ORDER.indexOf(mine) - TYPE_ORDER.indexOf(others);
  if (typeof left === 'object' && left !== null) {
    const [a, b] = [JSON.stringify(left), JSON.stringify(right)];
    return a < b ? -1 : a > b ? 1 : 0;
  }
  const [a, b] = [left as string | number, right as string | number];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The type of a value as jq names it. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function listOf(name: string, input: unknown): unknown[] {
  if (Array.isArray(input)) return input;
  if (name === 'map' && typeName(input) === 'object') return Object.values(input as object);
  throw refuse(`${name} was asked of ${typeName(input)}, it needs array`);
}

function objectOf(name: string, input: unknown): object {
  if (typeof input === 'object' && input !== null) return input;
  throw refuse(`${name} was asked of ${typeName(input)}, it needs object`);
}

function textOf(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw refuse(`${name} needs text, not ${typeName(value)}`);
}

function refuse(message: string): AgentError {
  return new AgentError({ code: 'QUERY_INVALID', message: `query: ${message}` });
}
