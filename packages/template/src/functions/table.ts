import { BUILTIN_FUNCTIONS } from './builtin.ts';
import { DATE_FUNCTIONS } from './dates.ts';
import { DICT_FUNCTIONS } from './dicts.ts';
import { ENCODING_FUNCTIONS } from './encoding.ts';
import { FLOW_FUNCTIONS } from './flow.ts';
import type { FunctionTable, TemplateFunction } from './function.ts';
import { JSON_FUNCTIONS } from './json.ts';
import { LIST_FUNCTIONS } from './lists.ts';
import { MATH_FUNCTIONS } from './math.ts';
import { PATH_FUNCTIONS } from './paths.ts';
import { RANDOM_FUNCTIONS } from './random.ts';
import { REFUSED_FUNCTIONS } from './refused.ts';
import { REGEX_FUNCTIONS } from './regex.ts';
import { STRING_FUNCTIONS } from './strings.ts';
import { VERSION_FUNCTIONS } from './versions.ts';
import { WORD_FUNCTIONS } from './words.ts';

/** Every function there is, by theme: the one table that rendering and the reference use. Later themes win. */
export const FUNCTION_THEMES: readonly { title: string; functions: FunctionTable }[] = [
  { title: 'Built in', functions: BUILTIN_FUNCTIONS },
  { title: 'Defaults, conditions and types', functions: FLOW_FUNCTIONS },
  { title: 'Text', functions: STRING_FUNCTIONS },
  { title: 'Words', functions: WORD_FUNCTIONS },
  { title: 'Lists', functions: LIST_FUNCTIONS },
  { title: 'Maps', functions: DICT_FUNCTIONS },
  { title: 'Numbers', functions: MATH_FUNCTIONS },
  { title: 'Dates', functions: DATE_FUNCTIONS },
  { title: 'Encodings and digests', functions: ENCODING_FUNCTIONS },
  { title: 'JSON', functions: JSON_FUNCTIONS },
  { title: 'Regular expressions', functions: REGEX_FUNCTIONS },
  { title: 'Versions', functions: VERSION_FUNCTIONS },
  { title: 'Chance', functions: RANDOM_FUNCTIONS },
  { title: 'Paths, URLs and environment', functions: PATH_FUNCTIONS },
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
  const advice = Object.hasOwn(REFUSED_FUNCTIONS, name) ? REFUSED_FUNCTIONS[name] : undefined;
  return advice === undefined ? `there is no function ${name}` : `the function ${name} is not supported. ${advice}`;
}
