import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Digest } from './blob-store.ts';
import { LocalBlobStore } from './local-blob-store.ts';
import { processTag } from './process-identity.ts';

const HELLO: Digest = 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
let folder: string;
let store: LocalBlobStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-store-'));
  store = await LocalBlobStore.open(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function* bytes(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}

async function allNames(): Promise<string[]> {
  return (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
}

describe('LocalBlobStore', () => {
  it('stores a stream under its digest, read-only', async () => {
    expect(await store.ingest(bytes('he', 'llo'))).toEqual({ digest: HELLO, size: 5 });
    const path = await store.path(HELLO);
    expect(path).toBe(join(folder, 'sha256', '2c', HELLO.slice(7)));
    expect(await readFile(path, 'utf8')).toBe('hello');
    expect((await stat(path)).mode & 0o777).toBe(0o444);
    expect(await store.has(HELLO)).toBe(true);
    expect(await Array.fromAsync(store.list())).toEqual([{ digest: HELLO, size: 5 }]);
    await store.remove(HELLO);
    await expect(store.path(HELLO)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
  });

  it('stores a file without touching or sharing it', async () => {
    const path = join(folder, 'input');
    await writeFile(path, 'hello');
    expect(await store.ingestFile(path, { expected: HELLO })).toEqual({ digest: HELLO, size: 5 });
    await writeFile(path, 'HELLO');
    await store.verify(HELLO);
  });

  it('keeps nothing of content with another digest than expected', async () => {
    await expect(store.ingest(bytes('other'), { expected: HELLO })).rejects.toMatchObject({ code: 'BLOB_MISMATCH' });
    expect(await allNames()).toEqual([]);
  });

  it('keeps nothing of a stream that is too long, breaks, or is aborted', async () => {
    await expect(store.ingest(bytes('hello', 'world'), { maxBytes: 6 })).rejects.toMatchObject({
      code: 'BLOB_TOO_LARGE',
    });
    async function* broken() {
      yield Buffer.from('he');
      throw new Error('reset by peer');
    }
    await expect(store.ingest(broken())).rejects.toThrow('reset by peer');
    await expect(store.ingest(bytes('x'), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await allNames()).toEqual([]);
  });

  it('finds a damaged blob when asked to', async () => {
    await store.ingest(bytes('hello'));
    await store.verify(HELLO);
    const path = await store.path(HELLO);
    await chmod(path, 0o644);
    await writeFile(path, 'hellp');
    await expect(store.verify(HELLO)).rejects.toMatchObject({ code: 'BLOB_CORRUPT' });
  });

  it('never makes a path of something that is no digest', async () => {
    await expect(store.has('sha256:../../etc/passwd' as Digest)).rejects.toThrow('not a sha256 digest');
  });

  it('takes the same blob twice at once', async () => {
    const results = await Promise.all([1, 2, 3].map(() => store.ingest(bytes('hello'))));
    expect(new Set(results.map(({ digest }) => digest))).toEqual(new Set([HELLO]));
    expect(await allNames()).toEqual([HELLO.slice(7)]);
  });

  it('removes what a killed process left, and leaves what a living one writes', async () => {
    const dead = spawnSync('true').pid;
    const namespace = processTag();
    const living = `.tmp-${namespace}-0123456789ab`;
    const stale = `.tmp-${namespace.split('-')[0]}-${dead}-1-0123456789ab`;
    for (const name of [living, stale]) await writeFile(join(folder, 'sha256', name), 'half');
    await LocalBlobStore.open(folder);
    expect(await allNames()).toEqual([living]);
  });
});
