import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findViolations, parseUnits, type SourceTree } from './architecture-rules.ts';

const ROOT = join(import.meta.dirname, '..');
const SKIPPED = new Set(['node_modules', 'out', 'dist', 'testdata']);

async function readTree(folder: string, into: Map<string, string>): Promise<Map<string, string>> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.') || SKIPPED.has(entry.name)) continue;
    if (entry.isDirectory()) await readTree(path, into);
    else if (/\.tsx?$|^package\.json$|^ARCHITECTURE\.md$/.test(entry.name)) {
      into.set(relative(ROOT, path), await readFile(path, 'utf8'));
    }
  }
  return into;
}

const SOUND: Record<string, string> = {
  'ARCHITECTURE.md': [
    '| unit | may import | pure |',
    '|---|---|---|',
    '| packages/errors | – | yes |',
    '| packages/host | errors | no |',
    '| apps/cli | errors, host | no |',
  ].join('\n'),
  'packages/errors/package.json': '{}',
  'packages/errors/src/index.ts': 'export class BowlineError {}\n',
  'packages/host/package.json': '{"dependencies":{"@bowline/errors":"1"}}',
  'packages/host/src/run.ts': "import { spawn } from 'node:child_process';\nimport '@bowline/errors';\n",
  'apps/cli/package.json': '{}',
  'apps/cli/src/main.ts': 'process.exit(1);\n',
};

/** The sound tree with some files more or other. */
function violationsWith(changes: Record<string, string>): string[] {
  const tree: SourceTree = new Map(Object.entries({ ...SOUND, ...changes }));
  return findViolations(tree);
}

describe('the source tree', () => {
  it('keeps to the rules of ARCHITECTURE.md', async () => {
    const tree = await readTree(ROOT, new Map());
    expect(parseUnits(tree.get('ARCHITECTURE.md') ?? '').length).toBeGreaterThan(5);
    expect(tree.size).toBeGreaterThan(100);
    expect(findViolations(tree)).toEqual([]);
  });
});

describe('the rules', () => {
  it('accept a sound tree', () => {
    expect(violationsWith({})).toEqual([]);
  });

  it.each<[rule: string, changes: Record<string, string>, message: RegExp]>([
    [
      'an import upwards',
      { 'packages/errors/src/a.ts': "import { x } from '@bowline/host';\n" },
      /may not import host/,
    ],
    [
      'an import of several lines',
      { 'packages/errors/src/a.ts': "import {\n  x,\n} from '@bowline/host';\n" },
      /may not import host/,
    ],
    ['a dynamic import upwards', { 'packages/errors/src/a.ts': "await import('@bowline/host');\n" }, /may not import/],
    ['a re-export upwards', { 'packages/errors/src/a.ts': "export * from '@bowline/host';\n" }, /may not import/],
    [
      'a dependency upwards',
      { 'packages/errors/package.json': '{"dependencies":{"@bowline/host":"1"}}' },
      /package\.json: packages\/errors may not import host/,
    ],
    ['an import past the index', { 'apps/cli/src/a.ts': "import '@bowline/host/src/run.ts';\n" }, /reaches inside/],
    ['a path out of the unit', { 'apps/cli/src/a.ts': "import '../../../packages/host/src/run.ts';\n" }, /leaves/],
    ['node: in a pure unit', { 'packages/errors/src/a.ts': "import 'node:fs';\n" }, /is pure/],
    ['Buffer in a pure unit', { 'packages/errors/src/a.ts': 'Buffer.from([]);\n' }, /no Buffer/],
    ['processes outside host', { 'apps/cli/src/a.ts': "import 'node:child_process';\n" }, /packages\/host only/],
    ['processes in tests', { 'tests/system/a.test.ts': "import 'node:child_process';\n" }, /packages\/host only/],
    ['a dumping ground', { 'apps/cli/src/utils.ts': '' }, /"utils" says nothing/],
    ['a folder that is one', { 'apps/cli/src/helpers/a.ts': '' }, /"helpers" says nothing/],
    ['a long file', { 'apps/cli/src/a.ts': 'x;\n'.repeat(401) }, /401 lines/],
    [
      'an import cycle',
      { 'apps/cli/src/a.ts': "import './b.ts';\n", 'apps/cli/src/b.ts': "import './a.ts';\n" },
      /import cycle: apps\/cli\/src\/a\.ts -> apps\/cli\/src\/b\.ts -> apps\/cli\/src\/a\.ts/,
    ],
    ['a camel-case file', { 'apps/cli/src/imageBuilder.ts': '' }, /kebab-case/],
    ['an index that hides', { 'apps/cli/src/build/index.ts': '' }, /package roots only/],
    ['process.exit in a library', { 'packages/host/src/a.ts': 'process.exit(2);\n' }, /belongs to main\.ts/],
    ['a package nobody registered', { 'packages/new/package.json': '{}' }, /not in ARCHITECTURE\.md's table/],
    ['a table without units', { 'ARCHITECTURE.md': '# Architecture' }, /no table of units/],
  ])('refuse %s', (_rule, changes, message) => {
    expect(violationsWith(changes).join('\n')).toMatch(message);
  });
});
