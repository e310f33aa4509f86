import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import * as z from 'zod';
import { bowlError } from '../error.ts';
import { formatProblems } from '../problem.ts';
import { describeSchema, optionsOf, walkFields } from '../schema/describe.ts';
import { EVERY_KEY } from './every-key.testdata.ts';
import { loadBowl } from './load.ts';
import { REDACTED, redactBowl, redactValue } from './redact.ts';
import { Bowl } from './schema.ts';

const SECRET = 'hunter2-open-sesame';
const secrets = [...walkFields(Bowl)].filter((field) => field.meta.secret);

/** A document with a value at a schema path, and nothing else that is right. */
function plant(path: string, value: unknown): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  let parent = root;
  const keys = path.split('.');
  for (const [index, step] of keys.entries()) {
    const key = step.replace('[]', '');
    const inner: Record<string, unknown> = {};
    const child = index === keys.length - 1 ? value : inner;
    parent[key] = step.endsWith('[]') ? [child] : child;
    parent = inner;
  }
  return root;
}
const planted = (schema: z.ZodType): unknown =>
  optionsOf(schema).some((option) => option instanceof z.ZodRecord) ? { TOKEN: SECRET } : SECRET;

describe('secrets', () => {
  it('exist in the schema', () => {
    expect(secrets.map((field) => field.path)).toEqual(
      expect.arrayContaining(['users[].passwordHash', 'cloudConfig.inline', 'base.dockerfile.args']),
    );
  });

  it.each(secrets.map((field) => [field.path, field] as const))('%s is redacted', (path, field) => {
    const shown = JSON.stringify(redactValue(plant(path, planted(field.schema)), Bowl));
    expect(shown).not.toContain(SECRET);
    expect(shown).toContain(REDACTED);
  });

  it.each(
    secrets.flatMap((field) => [
      [field.path, 'wrong text', planted(field.schema)] as const,
      [field.path, 'in a list', [SECRET]] as const,
      [field.path, 'in a map', { a: { b: SECRET } }] as const,
      [field.path, 'in a map as value', { [describeSchema(field.schema).core.def.type]: [SECRET, SECRET] }] as const,
    ]),
  )('%s is in no message: %s', async (path, _how, value) => {
    const text = stringify(plant(path, value)).replace('---', '');
    for (const document of [
      text,
      `${text}\n\tbroken`,
      `${text}unknown: [`,
      text.replaceAll(SECRET, `${SECRET}: ${SECRET}`),
    ]) {
      const result = await loadBowl({ path: 'bowl.yaml', text: document }, async () => ({ path: '', text: '' }));
      if (result.ok) throw new Error('the document must be wrong');
      expect(formatProblems(result.problems)).not.toContain(SECRET);
      expect(JSON.stringify(bowlError(result.problems))).not.toContain(SECRET);
      expect(bowlError(result.problems).message).not.toContain(SECRET);
    }
  });

  it('a number in the place of a password hash is not shown', async () => {
    const result = await loadBowl(
      { path: 'b', text: stringify(plant('users[].passwordHash', 48151623)) },
      async () => ({ path: '', text: '' }),
    );
    expect(!result.ok && formatProblems(result.problems)).toMatch(/passwordHash must be text, not a number$/m);
  });

  it('a password hash in the place of a name is not shown', async () => {
    const result = await loadBowl({ path: 'b', text: 'hostname: $6$salt$hash' }, async () => ({ path: '', text: '' }));
    expect(!result.ok && formatProblems(result.problems)).not.toContain('$6$');
  });

  it('redacting changes nothing else', () => {
    for (const raw of EVERY_KEY) {
      const bowl = Bowl.parse(raw);
      const before = structuredClone(bowl);
      const redacted = redactBowl(bowl);
      expect(bowl).toEqual(before);
      const restored = structuredClone(redacted);
      for (const [index, user] of restored.users.entries()) {
        const hash = bowl.users[index]?.passwordHash;
        if (hash !== undefined) user.passwordHash = hash;
      }
      if (restored.cloudConfig && 'inline' in restored.cloudConfig) restored.cloudConfig = bowl.cloudConfig;
      if (typeof restored.base.dockerfile === 'object') restored.base.dockerfile = bowl.base.dockerfile;
      expect(restored).toEqual(bowl);
    }
  });
});
