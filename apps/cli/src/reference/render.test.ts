import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { renderCliReference, renderExitCodes } from './render.ts';

const folder = new URL('../../../../docs/reference/', import.meta.url);

describe('the reference of the command line', () => {
  it('is current: `npm run docs` writes it', async () => {
    expect(await readFile(new URL('cli.md', folder), 'utf8')).toBe(renderCliReference());
    expect(await readFile(new URL('exit-codes.md', folder), 'utf8')).toBe(renderExitCodes());
  });
});
