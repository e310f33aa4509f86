import { describe, expect, it } from 'vitest';
import { formatProblems } from '../problem.ts';
import type { LocatedMap } from '../yaml/located.ts';
import { toValue } from '../yaml/located.ts';
import { parseYaml } from '../yaml/parse.ts';
import { loadBowl } from './load.ts';
import { CURRENT_API_VERSION, MIGRATIONS, type Migration, migrateDocument } from './migrate.ts';
import { Bowl } from './schema.ts';

const TABLE: Migration[] = [
  { from: 'bowline/v1', to: 'bowline/v2', migrate: ({ hostName, ...rest }) => ({ ...rest, host: hostName }) },
  { from: 'bowline/v2', to: 'bowline/v3', migrate: ({ host, ...rest }) => ({ ...rest, network: { host } }) },
];
const migrate = (text: string, table: Migration[] = TABLE, current = 'bowline/v3') => {
  const document = parseYaml({ path: 'a', text }).node as LocatedMap;
  const { node, problems } = migrateDocument(document, table, current);
  return { node, value: node && toValue(node), lines: formatProblems(problems) };
};

describe('migrateDocument', () => {
  it('takes every step from the written version to the current one', () => {
    expect(migrate('apiVersion: bowline/v1\nhostName: x').value).toEqual({
      apiVersion: 'bowline/v3',
      network: { host: 'x' },
    });
    expect(migrate('apiVersion: bowline/v2\nhost: x').value).toEqual({
      apiVersion: 'bowline/v3',
      network: { host: 'x' },
    });
  });

  it('keeps the places of what a step does not touch', () => {
    const { node } = migrate('apiVersion: bowline/v1\n\nkept:\n  - 5\nhostName: x');
    expect(node).toMatchObject({
      entries: expect.arrayContaining([
        expect.objectContaining({ key: 'kept', keyAt: { file: 'a', line: 3, column: 1 } }),
      ]),
    });
  });

  it('never guesses: a gap in the table, a newer version, no version', () => {
    expect(migrate('apiVersion: bowline/v1', TABLE.slice(1))).toMatchObject({
      node: undefined,
      lines: expect.stringContaining('bowline/v1 is not known'),
    });
    expect(migrate('apiVersion: bowline/v4')).toMatchObject({
      node: undefined,
      lines: expect.stringContaining('needs a newer Bowline'),
    });
    expect(migrate('a: 1').lines).toContain('write "apiVersion: bowline/v3"');
    expect(migrate('apiVersion: 3').lines).toContain('apiVersion must be bowline/v3');
  });

  it('does not run in a circle when a step leads nowhere', () => {
    const stuck: Migration[] = [{ from: 'bowline/v1', to: 'bowline/v1', migrate: (document) => document }];
    expect(migrate('apiVersion: bowline/v1', stuck).node).toBeUndefined();
  });

  it('has a table that leads from every version in it to the current one, which the schema takes', () => {
    for (const { from } of MIGRATIONS) {
      let version = from;
      while (version !== CURRENT_API_VERSION) {
        const step = MIGRATIONS.find((migration) => migration.from === version);
        expect(step, version).toBeDefined();
        version = step?.to ?? CURRENT_API_VERSION;
      }
    }
    expect(Bowl.shape.apiVersion.parse(CURRENT_API_VERSION)).toBe(CURRENT_API_VERSION);
  });

  it('is used by the loader for every file', async () => {
    const result = await loadBowl({ path: 'a', text: 'apiVersion: bowline/v0' }, async () => ({ path: 'b', text: '' }));
    expect(result).toMatchObject({ ok: false });
  });
});
