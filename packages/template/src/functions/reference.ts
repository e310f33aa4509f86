import type { TemplateFunction } from './function.ts';
import { REFUSED_FUNCTIONS } from './refused.ts';
import { FUNCTION_THEMES } from './table.ts';

/** The reference of template functions, docs/reference/template-functions.md. */
export function renderFunctionReference(): string {
  const supported = FUNCTION_THEMES.flatMap(({ title, functions }) => [
    `## ${title}`,
    '',
    ...Object.entries(functions)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, definition]) => `- \`${name}${signature(definition)}\``),
    ...(title === 'Built in' ? ['- `and any...`, `or any...`: stop at the argument that decides'] : []),
    '',
  ]);
  const refused = Object.entries(REFUSED_FUNCTIONS).map(([name, advice]) => `| \`${name}\` | ${advice} |`);
  return `${[
    '<!-- Written by `npm run docs`. -->',
    '# Template functions',
    '',
    'Templates are Go templates (`{{ trunc 4 .MachineID }}`): delimiters with trim markers, comments, variables, `if`, `with`,',
    '`range`, `define`, `template`, `block`, `break` and `continue`, with the functions below. Where a function expects a type,',
    'another one is an error. Integers have 64 bits; maps are walked and printed in the order of their keys, also by `keys` and',
    '`values`. Functions whose name begins with `must` fail in the same cases as those without it.',
    '',
    'A template may print 8 MiB, take 1,000,000 steps and make 64 MiB of text on the way.',
    '',
    ...supported,
    '## Refused',
    '',
    '| function | instead |',
    '|---|---|',
    ...refused,
  ].join('\n')}\n`;
}

function signature({ parameters, rest }: TemplateFunction): string {
  const words = [...parameters, ...(rest === undefined ? [] : [`${rest}...`])];
  return words.map((word) => ` ${word}`).join('');
}
