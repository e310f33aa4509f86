import { BUILTIN_FUNCTIONS } from './builtin.ts';
import type { FunctionTable, TemplateFunction } from './function.ts';

/** Every function there is, by theme: the one table that rendering and the reference use. */
export const FUNCTION_THEMES: readonly { title: string; functions: FunctionTable }[] = [
  { title: 'Built in', functions: BUILTIN_FUNCTIONS },
];

const FUNCTIONS = new Map<string, TemplateFunction>(
  FUNCTION_THEMES.flatMap(({ functions }) => Object.entries(functions)),
);

/** The function of this name. */
export function findFunction(name: string): TemplateFunction | undefined {
  return FUNCTIONS.get(name);
}

/** true, or why there is no such function. */
export function isFunction(name: string): true | string {
  if (name === 'and' || name === 'or' || FUNCTIONS.has(name)) return true;
  return `there is no function ${name}`;
}
