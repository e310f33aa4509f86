import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadBowl } from '../bowl/load.ts';
import { Bowl } from '../bowl/schema.ts';
import { loadMachineDocument } from '../machine/load.ts';
import { MachineConfig } from '../machine/schema.ts';
import { formatProblems } from '../problem.ts';
import { walkFields } from '../schema/describe.ts';
import { renderJsonSchema } from './json-schema.ts';
import { renderMachineJsonSchema } from './machine-json-schema.ts';
import { renderMachineReference } from './machine-reference.ts';
import { renderReference } from './reference.ts';

const ROOT = new URL('../../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');
const at = (node: unknown, ...keys: string[]): unknown =>
  keys.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], node);

describe('generated files', () => {
  it('bowl.schema.json is current (npm run docs)', () => {
    expect(read('bowl.schema.json')).toBe(renderJsonSchema());
  });

  it('docs/reference/bowl.md is current (npm run docs)', () => {
    expect(read('docs/reference/bowl.md')).toBe(renderReference());
  });

  it('cloud-config.schema.json is current (npm run docs)', () => {
    expect(read('cloud-config.schema.json')).toBe(renderMachineJsonSchema());
  });

  it('docs/reference/cloud-config.md is current (npm run docs)', () => {
    expect(read('docs/reference/cloud-config.md')).toBe(renderMachineReference());
  });
});

describe('the reference', () => {
  it.each([...walkFields(Bowl)].map((field) => field.path))('speaks of %s', (path) => {
    expect(renderReference()).toMatch(
      new RegExp(`^(### ${path}$|\\| \`${path.replaceAll(/[[\].*]/g, '\\$&')}\` \\|)`, 'm'),
    );
  });

  it('opens with an example that is a good bowl', async () => {
    const text = /```yaml\n([^`]*)```/.exec(renderReference())?.[1] ?? '';
    const result = await loadBowl({ path: 'example', text }, async () => ({ path: '', text: '' }));
    expect(result.ok ? '' : formatProblems(result.problems)).toBe('');
  });
});

describe('the reference of cloud-configs', () => {
  const text = renderMachineReference();

  it.each([...walkFields(MachineConfig)].map((field) => field.path))('speaks of %s', (path) => {
    expect(text).toMatch(new RegExp(`^(### ${path}$|\\| \`${path.replaceAll(/[[\].*]/g, '\\$&')}\` \\|)`, 'm'));
  });

  it('opens with an example without a warning', () => {
    const example = /```yaml\n([^`]*)```/.exec(text)?.[1] ?? '';
    expect(loadMachineDocument({ path: 'example', text: example }).problems).toEqual([]);
  });

  it('shows modes in octal', () => {
    expect(text).toContain('permissions: 0644');
    expect(text).not.toContain('`420`');
  });
});

describe('the JSON Schema of cloud-configs', () => {
  const schema: unknown = JSON.parse(renderMachineJsonSchema());

  it('is closed, takes modes as text and plain values where texts are meant', () => {
    expect(at(schema, 'additionalProperties')).toBe(false);
    const step = at(schema, 'properties', 'stages', 'additionalProperties', 'items');
    expect(at(step, 'additionalProperties')).toBe(false);
    expect(at(step, 'properties', 'files', 'items', 'properties', 'permissions', 'anyOf')).toHaveLength(2);
    expect(at(step, 'properties', 'sysctl', 'additionalProperties', 'type')).toContain('number');
  });

  it('asks editors not to show secrets, strikes out dead keys, and holds no key of our own', () => {
    expect(at(schema, 'properties', 'users', 'items', 'properties', 'passwd', 'writeOnly')).toBe(true);
    expect(at(schema, 'properties', 'platform', 'deprecated')).toBe(true);
    expect(renderMachineJsonSchema()).not.toMatch(/"(secret|aliases|taughtAs|mistakes|dead|modeUnlessGiven)":/);
  });
});

describe('the JSON Schema', () => {
  const schema: unknown = JSON.parse(renderJsonSchema());

  it('is closed and says which keys exclude each other', () => {
    expect(at(schema, 'additionalProperties')).toBe(false);
    expect(at(schema, 'properties', 'base', 'oneOf')).toEqual(
      ['image', 'dockerfile', 'debian', 'rootfs'].map((key) => ({ required: [key] })),
    );
    expect(at(schema, 'properties', 'files', 'items', 'oneOf')).toHaveLength(3);
    expect(at(schema, 'properties', 'outputs', 'uniqueItems')).toBe(true);
  });

  it('lets a bowl that extends another leave out the rest', () => {
    expect(at(schema, 'required')).toEqual(['apiVersion']);
    expect(at(schema, 'anyOf')).toEqual([{ required: ['extends'] }, { required: ['name', 'version', 'base'] }]);
  });

  it('asks editors not to show secrets, and holds no key of our own', () => {
    expect(at(schema, 'properties', 'users', 'items', 'properties', 'passwordHash', 'writeOnly')).toBe(true);
    expect(renderJsonSchema()).not.toMatch(/"(secret|merge|identity|relative|shorthand|aliases)":/);
  });
});

describe('ready bowls', () => {
  const names = readdirSync(new URL('bowls/', ROOT), { withFileTypes: true }).filter((entry) => entry.isDirectory());

  it.each(names.map((entry) => entry.name))('%s is valid, without a warning', async (name) => {
    const path = `bowls/${name}/bowl.yaml`;
    const result = await loadBowl({ path, text: read(path) }, async (reference) => {
      const target = `bowls/${reference}/bowl.yaml`;
      return { path: target, text: read(target) };
    });
    expect(formatProblems(result.ok ? result.warnings : result.problems)).toBe('');
  });
});
