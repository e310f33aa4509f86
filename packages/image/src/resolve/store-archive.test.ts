import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Digest, LocalBlobStore } from '@bowline/host';
import type { BowlLock } from '@bowline/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TOOLBOX_RECIPE } from '../toolbox/toolbox-recipe.ts';
import { readToolboxRecord } from '../toolbox/toolbox-record.ts';
import { writeCacheRecord } from './own-parts.ts';
import { exportStore, importStore, lockedLayers } from './store-archive.ts';

const signal = new AbortController().signal;
const progress = {
  bytes: () => undefined,
  note: () => undefined,
  warn: () => undefined,
  task: () => Promise.reject(new Error('no tasks')),
};
let folder: string;
let store: LocalBlobStore;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'archive-'));
  store = await LocalBlobStore.open(path.join(folder, 'store'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function put(text: string, into = store): Promise<Digest> {
  async function* bytes() {
    yield new TextEncoder().encode(text);
  }
  return (await into.ingest(bytes())).digest;
}

function lockOf(...layers: Digest[]): BowlLock {
  const base = {
    kind: 'rootfs' as const,
    request: layers[0] as Digest,
    origin: 'vendor.tar',
    layers: layers.map((diffId) => ({ diffId, size: 1 })),
  };
  return { lockVersion: 1, files: {}, arch: { amd64: { base, firmware: [], bowline: {} } } };
}

describe('a store archive', () => {
  it('carries every blob of a lock to another store, and is the same bytes each time', async () => {
    const layers = [await put('one'), await put('two'), await put('')];
    const extra = { digest: await put('toolbox'), origin: 'toolbox' };
    const files = ['a.tar', 'b.tar'].map((name) => path.join(folder, name));
    for (const [index, outFile] of files.entries()) {
      const lock = index === 0 ? lockOf(...layers) : lockOf(...layers.toReversed());
      expect(await exportStore({ lock, store, extraBlobs: [extra], outFile, progress, signal })).toEqual({
        blobs: 4,
        sizeBytes: 13,
      });
    }
    const [a, b] = await Promise.all(files.map((file) => readFile(file)));
    expect(a?.equals(b as Buffer)).toBe(true);

    const other = await LocalBlobStore.open(path.join(folder, 'other'));
    expect(await importStore(files[0] as string, other, progress, signal)).toEqual({ blobs: 4, added: 4 });
    expect(await importStore(files[0] as string, other, progress, signal)).toEqual({ blobs: 4, added: 0 });
    for (const digest of [...layers, extra.digest]) expect(await other.has(digest)).toBe(true);
  });

  it('carries the toolbox and the packages of the initrd with their records', async () => {
    const layer = await put('one');
    const [tool, initrd] = [await put('tools'), await put('initrd packages')];
    const lock = lockOf(layer);
    (lock.arch.amd64 as NonNullable<typeof lock.arch.amd64>).bowline = { initrd };
    const toolbox = { recipe: TOOLBOX_RECIPE, digest: layer, packages: {}, tars: [{ digest: tool, sizeBytes: 5 }] };
    const cache = path.join(folder, 'cache');
    await writeCacheRecord(cache, { path: 'toolbox/record.json', content: Buffer.from(JSON.stringify(toolbox)) });
    const name = `initrd/packages-amd64-${initrd.slice(7)}.json`;
    await writeCacheRecord(cache, { path: name, content: Buffer.from(JSON.stringify({ diffId: initrd })) });
    const outFile = path.join(folder, 'a.tar');
    await exportStore({ lock, store, extraBlobs: [], cacheFolder: cache, outFile, progress, signal });

    const [other, otherCache] = [await LocalBlobStore.open(path.join(folder, 'other')), path.join(folder, 'cache-2')];
    expect(await importStore(outFile, other, progress, signal, otherCache)).toEqual({ blobs: 3, added: 3 });
    expect((await readToolboxRecord(otherCache))?.tars).toEqual(toolbox.tars);
    expect(await readFile(path.join(otherCache, name), 'utf8')).toBe(await readFile(path.join(cache, name), 'utf8'));
  });

  it('is not written when the store lacks a blob, which is named', async () => {
    const missing: Digest = `sha256:${'0'.repeat(64)}`;
    const outFile = path.join(folder, 'a.tar');
    await expect(
      exportStore({ lock: lockOf(missing), store, extraBlobs: [], outFile, progress, signal }),
    ).rejects.toMatchObject({ code: 'OFFLINE_MISSING', message: expect.stringContaining(`vendor.tar (${missing})`) });
    expect(await readdir(folder)).not.toContain('a.tar');
  });

  it('is refused when damaged, cut short, or something else', async () => {
    const digest = await put('x'.repeat(5000));
    const file = path.join(folder, 'a.tar');
    await exportStore({ lock: lockOf(digest), store, extraBlobs: [], outFile: file, progress, signal });
    const whole = await readFile(file);
    const other = await LocalBlobStore.open(path.join(folder, 'other'));

    const flipped = Buffer.from(whole);
    flipped[2000] = 0;
    await writeFile(file, flipped);
    await expect(importStore(file, other, progress, signal)).rejects.toMatchObject({ code: 'BLOB_MISMATCH' });

    await writeFile(file, whole);
    await truncate(file, 3000);
    await expect(importStore(file, other, progress, signal)).rejects.toMatchObject({ code: 'STORE_ARCHIVE_INVALID' });

    await writeFile(file, 'not a tar');
    await expect(importStore(file, other, progress, signal)).rejects.toMatchObject({ code: 'STORE_ARCHIVE_INVALID' });
  });
});

describe('lockedLayers', () => {
  it('lists every layer once, in the order of digests', () => {
    const one: Digest = `sha256:${'b'.repeat(64)}`;
    const two: Digest = `sha256:${'a'.repeat(64)}`;
    expect(lockedLayers(lockOf(one, two, one)).map((layer) => layer.digest)).toEqual([two, one]);
  });
});
