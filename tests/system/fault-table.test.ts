import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT } from './fixtures/cli.ts';
import { FAULT_TABLE } from './fixtures/lifecycle/fault-table.ts';

describe('the table of faults', () => {
  it.each(FAULT_TABLE)('knows where it is proven: $fault', async ({ fast, machine, missing }) => {
    const places = [fast, machine].filter((place) => place !== undefined);
    expect(places.length > 0 || (missing ?? '') !== '').toBe(true);
    for (const [file, words] of places) expect(await readFile(join(PROJECT, file), 'utf8')).toContain(words);
  });
});
