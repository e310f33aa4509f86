import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DerivedCache } from './derived-cache.ts';

const KEY: Digest = `sha256:${'a'.repeat(64)}`;
const HEX = KEY.slice(7);
const signal = new AbortController().signal;

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-derived-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const parse = (value: unknown): { size: number } => {
  if (typeof value === 'object' && value !== null && 'size' in value && typeof value.size === 'number')
    return { size: value.size };
  throw new Error('not a record');
};

describe('the cache of derived results', () => {
  it('makes a result once, also when two ask at the same time', async () => {
    let made = 0;
    const ask = () =>
      new DerivedCache(folder).derive({
        key: KEY,
        parse,
        signal,
        make: async (into) => {
          made += 1;
          await new Promise((resolve) => setTimeout(resolve, 50));
          await writeFile(join(into, 'root'), 'bytes');
          return { size: 5 };
        },
      });
    const [a, b] = await Promise.all([ask(), ask()]);
    expect(made).toBe(1);
    expect(a.cached).not.toBe(b.cached);
    expect(await readFile(join(b.folder, 'root'), 'utf8')).toBe('bytes');
  });

  it('keeps nothing of a step that failed, and makes it the next time', async () => {
    const cache = new DerivedCache(folder);
    const fail = async (into: string): Promise<{ size: number }> => {
      await writeFile(join(into, 'half'), 'x');
      throw new Error('disk on fire');
    };
    await expect(cache.derive({ key: KEY, parse, signal, make: fail })).rejects.toThrow('disk on fire');
    const again = await cache.derive({ key: KEY, parse, signal, make: async () => ({ size: 1 }) });
    expect(again.cached).toBe(false);
    await expect(readFile(join(again.folder, 'half'))).rejects.toThrow();
  });

  it('throws away what a killed build left behind', async () => {
    await mkdir(join(folder, `${HEX}.partial`), { recursive: true });
    await writeFile(join(folder, `${HEX}.partial`, 'half'), 'x');
    const result = await new DerivedCache(folder).derive({ key: KEY, parse, signal, make: async () => ({ size: 2 }) });
    expect(result.record.size).toBe(2);
    await expect(readFile(join(result.folder, 'half'))).rejects.toThrow();
  });

  it('makes a result again when its record does not fit', async () => {
    await mkdir(join(folder, HEX));
    await writeFile(join(folder, HEX, 'record.json'), '{"size":"large"}');
    const result = await new DerivedCache(folder).derive({ key: KEY, parse, signal, make: async () => ({ size: 3 }) });
    expect(result).toMatchObject({ cached: false, record: { size: 3 } });
  });
});
