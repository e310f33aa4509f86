import { describe, expect, it } from 'vitest';
import { walkFields } from '../schema/describe.ts';
import { EVERY_KEY } from './every-key.testdata.ts';
import { RULES } from './rules.ts';
import { Bowl } from './schema.ts';

const fields = [...walkFields(Bowl)];
const META_KEYS = new Set([
  'description',
  'examples',
  'secret',
  'merge',
  'identity',
  'relative',
  'shorthand',
  'aliases',
]);
/** Named like secrets, yet public or no secret. */
const PUBLIC = new Set(['users[].sshAuthorizedKeys', 'upgrade.trustedKeys']);

describe('the bowl schema', () => {
  it.each(fields.map((field) => [field.path, field] as const))(
    '%s says what it is and shows values that parse',
    (_path, field) => {
      expect(field.meta.description).toMatch(/^\S.{5,}[.)]$/s);
      expect(field.meta.examples?.length).toBeGreaterThan(0);
      for (const example of field.meta.examples ?? []) {
        expect(field.schema.safeParse(example), JSON.stringify(example)).toMatchObject({ success: true });
      }
      expect(Object.keys(field.meta).filter((key) => !META_KEYS.has(key) && key !== 'id')).toEqual([]);
    },
  );

  it('marks everything that sounds like a secret', () => {
    const suspicious = fields.filter((field) => /pass|secret|token|credential|private|hash$|keys?$/i.test(field.key));
    expect(suspicious.length).toBeGreaterThan(0);
    expect(
      suspicious.filter((field) => !field.meta.secret && !PUBLIC.has(field.path)).map((field) => field.path),
    ).toEqual([]);
  });

  it('is used in full by the test bowls, which parse', () => {
    const paths = new Set<string>(['extends']);
    for (const bowl of EVERY_KEY) collect(Bowl.parse(bowl), '', paths);
    expect(fields.map((field) => field.path).filter((path) => !paths.has(path))).toEqual([]);
  });

  it('has the keys that the rules speak of', () => {
    const paths = new Set(fields.map((field) => field.path));
    for (const rule of RULES) {
      if (rule.kind === 'disjoint') expect(rule.lists.filter((list) => !paths.has(list))).toEqual([]);
      else expect(paths.has(rule.path.replace(/\[\]$/, '')), rule.path).toBe(true);
      if (rule.kind === 'exactly-one') {
        for (const key of [...rule.keys, ...(rule.beside ?? [])]) expect(paths.has(`${rule.path}.${key}`)).toBe(true);
      }
    }
  });

  it.each(['/etc/../shadow', 'etc/motd', '/', '/etc//motd', '/etc/', '/etc/./x', '/..', '/a\0'])(
    'refuses %j as a path in the image',
    (path) => {
      const bowl = { ...EVERY_KEY[0], files: [{ path, content: '' }] };
      expect(Bowl.safeParse(bowl).success).toBe(false);
    },
  );

  it.each(['/etc/motd', '/etc/..data', '/a/...', '/x y/ü'])('takes %j as a path in the image', (path) => {
    expect(Bowl.safeParse({ ...EVERY_KEY[0], files: [{ path, content: '' }] }).success).toBe(true);
  });
});

function collect(value: unknown, path: string, into: Set<string>): void {
  if (value === undefined) return;
  if (path !== '') into.add(path);
  if (Array.isArray(value)) for (const item of value) collect(item, `${path}[]`, into);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) collect(item, path === '' ? key : `${path}.${key}`, into);
  }
}
