import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { EVERY_KEY } from '../bowl/every-key.testdata.ts';
import { loadBowl } from '../bowl/load.ts';
import { Bowl } from '../bowl/schema.ts';
import { BowlLock } from '../lock/schema.ts';
import { canonicalJson } from './canonical-json.ts';
import { FULL_LOCK } from './identity.testdata.ts';
import { canonicalBowl, imageId } from './image-id.ts';

const bowls = EVERY_KEY.map((raw) => Bowl.parse(raw));
const emptyLock: BowlLock = { lockVersion: 1, files: {}, arch: {} };
const idOf = (bowl: Bowl, lock: BowlLock = emptyLock) => imageId({ bowl, lock, debug: false, signing: [] });

/** Every way to change one leaf, with the leaf's schema path. */
function* mutations<T>(root: T): Generator<{ path: string; changed: T }> {
  const leaves: { path: string; keys: (string | number)[] }[] = [];
  const collect = (value: unknown, path: string, keys: (string | number)[]): void => {
    if (Array.isArray(value)) for (const [index, item] of value.entries()) collect(item, `${path}[]`, [...keys, index]);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value))
        collect(item, path === '' ? key : `${path}.${key}`, [...keys, key]);
    } else if (value !== undefined) leaves.push({ path, keys });
  };
  collect(root, '', []);
  for (const { path, keys } of leaves) {
    const changed = structuredClone(root);
    let parent = changed as Record<string | number, unknown>;
    for (const key of keys.slice(0, -1)) parent = parent[key] as Record<string | number, unknown>;
    const last = keys.at(-1) ?? '';
    const value = parent[last];
    parent[last] = typeof value === 'number' ? value + 1 : typeof value === 'boolean' ? !value : `${String(value)}x`;
    yield { path, changed };
  }
}

describe('canonicalJson', () => {
  it('follows RFC 8785: its example of sorting and numbers', () => {
    // Section 3.2.3 and 3.2.2.3 of the RFC.
    const value = {
      '€': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew',
      '1': 'One',
      '😀': 'Emoji',
      '\u0080': 'Control',
      ö: 'o',
    };
    expect(canonicalJson(value)).toBe(
      '{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"o","€":"Euro Sign","😀":"Emoji","\ufb33":"Hebrew"}',
    );
    expect(canonicalJson([1e30, 4.5, 2e-3, 1e-27, -0, '\u000f\n"\\'])).toBe(
      '[1e+30,4.5,0.002,1e-27,0,"\\u000f\\n\\"\\\\"]',
    );
  });

  it('parses back to the value, whatever the order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        // JSON has one zero; -0 becomes it.
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(shuffle(value))).toBe(text);
      }),
    );
  });

  it('leaves out undefined and refuses what JSON cannot hold', () => {
    expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}');
    for (const value of [undefined, Number.NaN, 1n, () => 1, new Date(), new Map(), [undefined]]) {
      expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: 'NOT_CANONICAL' }));
    }
  });
});

describe('imageId', () => {
  it('is a sha256, the same today as when this was written (a new key with a default changes it: then say so in the notes of the release)', async () => {
    expect(await idOf(Bowl.parse(EVERY_KEY[0]), FULL_LOCK)).toMatchInlineSnapshot(
      `"sha256:53d33bb869a7b9f87055fab54cbeb62d6743a445c399de5c3e8fc50ccc74fd28"`,
    );
  });

  it('does not depend on key order, comments or quoting', async () => {
    for (const raw of EVERY_KEY) {
      const id = await idOf(Bowl.parse(raw));
      const texts = [
        stringify(raw),
        stringify(shuffle(raw)),
        stringify(raw, { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' }),
        stringify(raw, { defaultStringType: 'QUOTE_SINGLE', indent: 4 }).replaceAll('\n', '\r\n'),
        JSON.stringify(raw),
        `\ufeff# comment\n${stringify(raw)}# the end\n`,
      ];
      for (const text of texts) {
        const result = await loadBowl({ path: 'bowl.yaml', text }, async () => ({ path: '', text: '' }));
        expect(result.ok && (await idOf(result.bowl))).toBe(id);
      }
    }
  });

  it('is the same whether a default is written or not', async () => {
    const { kernel: _, ...rest } = EVERY_KEY[3] ?? {};
    expect(await idOf(Bowl.parse(rest))).toBe(await idOf(Bowl.parse(EVERY_KEY[3])));
  });

  it.each(bowls.map((bowl) => [bowl.name, bowl] as const))(
    '%s: every field counts but outputs and description',
    async (_name, bowl) => {
      const id = await idOf(bowl);
      const seen = new Set([id]);
      for (const { path, changed } of mutations(bowl)) {
        const other = await idOf(changed);
        if (path === 'outputs[]' || path === 'description') expect(other, path).toBe(id);
        else {
          expect(seen.has(other), path).toBe(false);
          seen.add(other);
        }
      }
    },
  );

  it('every part of the lock counts but what repeats the bowl', async () => {
    const [bowl] = bowls;
    if (!bowl) throw new Error('no bowl');
    const id = await idOf(bowl, FULL_LOCK);
    expect(BowlLock.parse(FULL_LOCK)).toEqual(FULL_LOCK);
    for (const { path, changed } of mutations(FULL_LOCK)) {
      const same = /\.(request|origin)$/.test(path);
      expect((await idOf(bowl, changed)) === id, path).toBe(same);
    }
  });

  it('a debug image and a signed image are others; the order of signers is not', async () => {
    const [bowl] = bowls;
    if (!bowl) throw new Error('no bowl');
    const make = (debug: boolean, signing: string[]) => imageId({ bowl, lock: emptyLock, debug, signing });
    const ids = await Promise.all([make(false, []), make(true, []), make(false, ['a']), make(false, ['a', 'b'])]);
    expect(new Set(ids).size).toBe(4);
    expect(await make(false, ['b', 'a', 'b'])).toBe(ids[3]);
  });

  it.each([
    ['a file', (source: string) => ({ files: [{ path: '/a', source }] })],
    ['a key whose signatures count', (source: string) => ({ upgrade: { trustedKeys: [source] } })],
  ])('counts %s by its content, wherever the folder of the bowl is', async (_what, naming) => {
    const digest = `sha256:${'7'.repeat(64)}` as const;
    const make = (source: string, known: `sha256:${string}` = digest) => {
      const bowl = Bowl.parse({ ...EVERY_KEY[3], ...naming(source) });
      return idOf(bowl, { ...emptyLock, files: { [source]: known } });
    };
    expect(await make('../../shared/a')).toBe(await make('../a'));
    expect(await make('../a', `sha256:${'8'.repeat(64)}`)).not.toBe(await make('../a'));
  });

  it('the order of architectures does not count', async () => {
    const [bowl] = bowls;
    if (!bowl) throw new Error('no bowl');
    expect(await idOf({ ...bowl, arch: ['arm64', 'amd64'] })).toBe(await idOf(bowl));
    expect(canonicalBowl({ ...bowl, extends: 'x' })).not.toHaveProperty('extends');
  });
});

function shuffle(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffle);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, item]): [string, unknown] => [key, shuffle(item)])
      .reverse(),
  );
}
