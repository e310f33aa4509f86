import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { renderFunctionReference } from './reference.ts';

it('docs/reference/template-functions.md is what the table says; `npm run docs` writes it', async () => {
  const file = new URL('../../../../docs/reference/template-functions.md', import.meta.url);
  expect(await readFile(file, 'utf8')).toBe(renderFunctionReference());
});
