import { createHash } from 'node:crypto';
import { appendFile, chmod, readdir, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { decodeLatin1, type IndexedEntry, TarParser } from '@bowline/formats';
import type { Digest, LocalBlobStore } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestStore, tarOf } from '../compose/layer-fixture.ts';
import { DEFAULT_LAYER_LIMITS } from '../sources/source.ts';
import { detectCompression } from './compression.ts';
import { decodeBlock, encodeBlock } from './index-blocks.ts';
import { type IngestOptions, ingestLayer } from './ingest-layer.ts';
import { readLayerIndex } from './read-layer-index.ts';

let store: LocalBlobStore;
let folder: string;
let close: () => Promise<void>;
beforeEach(async () => {
  ({ store, folder, close } = await openTestStore());
});
afterEach(() => close());

const tar = tarOf([
  { path: 'etc', type: 'directory' },
  { path: 'etc/a', content: 'hello', xattrs: { 'user.x': '\xff\0' } },
  { path: 'etc/b', type: 'symlink', linkname: 'a' },
]);
const digestOf = (bytes: Uint8Array): Digest => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const ingest = (bytes: Uint8Array, options: Partial<IngestOptions> = {}, chunk = 100) =>
  ingestLayer({ source: { kind: 'stream', stream: chunksOf(bytes, chunk) }, origin: 'vendor.tar', ...options }, store);

async function blobs(): Promise<string[]> {
  const names: string[] = [];
  for await (const { digest } of store.list()) names.push(digest);
  return names;
}

describe('ingestLayer', () => {
  it.each([
    ['plain', tar],
    ['gzip', gzipSync(tar)],
    ['gzip of several members', Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))])],
    ['zstd', zstdCompressSync(tar)],
    [
      'zstd of several frames',
      Buffer.concat([zstdCompressSync(tar.subarray(0, 700)), zstdCompressSync(tar.subarray(700))]),
    ],
  ])('unpacks, hashes and indexes a %s tar, in chunks of any size', async (_, packed) => {
    for (const chunk of [1, 7, 100_000]) {
      const layer = await ingest(packed, { diffId: digestOf(tar) }, chunk);
      expect(layer).toEqual({ diffId: digestOf(tar), size: tar.length, origin: 'vendor.tar' });
      const entries = await readLayerIndex(store, layer);
      expect(entries.map(({ path, type, linkname }) => `${path} ${type} ${linkname}`)).toEqual([
        'etc directory ',
        'etc/a file ',
        'etc/b symlink a',
      ]);
      expect(entries[1]?.xattrs['user.x']).toBe('\xff\0');
      await store.remove(layer.diffId);
    }
  });

  it('hands xz to the given unpacker and says what to do when there is none', async () => {
    const xz = Buffer.concat([Buffer.from('fd377a585a00', 'hex'), tar]);
    await expect(ingest(xz)).rejects.toMatchObject({ code: 'TOOL_MISSING', hint: expect.stringContaining('xz-utils') });
    const layer = await ingest(xz, {
      xz: async function* (packed) {
        const parts: Uint8Array[] = [];
        for await (const part of packed) parts.push(part);
        yield Buffer.concat(parts).subarray(6);
      },
    });
    expect(layer.diffId).toBe(digestOf(tar));
  });

  it('keeps nothing of a layer with another digest', async () => {
    await expect(ingest(tar, { diffId: digestOf(gzipSync(tar)) })).rejects.toMatchObject({
      code: 'LAYER_INVALID',
      message: expect.stringContaining('vendor.tar'),
    });
    expect(await blobs()).toEqual([]);
  });

  it.each([
    ['gzip', gzipSync(tar)],
    ['zstd', zstdCompressSync(tar)],
    ['plain', tar],
  ])('refuses a cut-off or bit-flipped %s layer and keeps nothing', async (_, packed) => {
    await expect(ingest(packed.subarray(0, packed.length - (packed === tar ? 1100 : 9)))).rejects.toMatchObject({
      code: 'LAYER_INVALID',
    });
    const flipped = Buffer.from(packed);
    flipped[Math.min(60, packed.length >> 1)] = (flipped[Math.min(60, packed.length >> 1)] ?? 0) ^ 0x10;
    await expect(ingest(flipped)).rejects.toMatchObject({ code: 'LAYER_INVALID' });
    expect(await blobs()).toEqual([]);
  });

  it('accepts a missing end marker only when a digest proves the layer', async () => {
    const open = tar.subarray(0, tar.length - 1024);
    await expect(ingest(open)).rejects.toThrow(/vendor.tar: .*end marker/);
    expect((await ingest(open, { diffId: digestOf(open) })).size).toBe(open.length);
  });

  it('passes on why the stream of a layer broke', async () => {
    const broken = async function* () {
      yield gzipSync(tar).subarray(0, 30);
      throw new Error('connection reset');
    };
    await expect(ingestLayer({ source: { kind: 'stream', stream: broken() }, origin: 'x' }, store)).rejects.toThrow(
      'connection reset',
    );
  });

  it('does not read a layer that the store has', async () => {
    const layer = await ingest(tar);
    const never = async function* (): AsyncGenerator<Uint8Array> {
      yield Promise.reject(new Error('was read'));
    };
    const again = { source: { kind: 'stream', stream: never() }, origin: 'x', diffId: layer.diffId } as const;
    expect((await ingestLayer(again, store)).diffId).toBe(layer.diffId);
  });

  it('says what is wrong with a missing file', async () => {
    await expect(
      ingestLayer({ source: { kind: 'file', path: join(folder, 'no.tar') }, origin: 'rootfs no.tar' }, store),
    ).rejects.toMatchObject({
      code: 'SOURCE_MISSING',
    });
  });

  it('says that a folder is no tar, and how to make one', async () => {
    await expect(
      ingestLayer({ source: { kind: 'file', path: folder }, origin: 'rootfs .' }, store),
    ).rejects.toMatchObject({ code: 'SOURCE_MISSING', hint: expect.stringContaining('tar -C') });
  });

  it('stops when it is told to and keeps nothing', async () => {
    const path = join(folder, 'base.tar');
    await writeFile(path, tar);
    for (const bytes of [tar, gzipSync(tar)]) {
      await writeFile(path, bytes);
      const stopped = { source: { kind: 'file', path }, origin: 'x', signal: AbortSignal.abort() } as const;
      await expect(ingestLayer(stopped, store)).rejects.toMatchObject({ code: 'ABORTED' });
    }
    expect(await blobs()).toEqual([]);
  });

  it('names bzip2 instead of calling it a damaged tar', () => {
    expect(() => detectCompression(Buffer.from('BZh91AY'), 'x.tar.bz2')).toThrow(/bzip2, which is not supported/);
  });
});

describe('limits', () => {
  const zeros = (size: number) => tarOf([{ path: 'zeros', content: '\0'.repeat(size) }]);

  it('of entries', async () => {
    await expect(ingest(tar, { limits: { ...DEFAULT_LAYER_LIMITS, maxEntries: 2 } })).rejects.toMatchObject({
      code: 'LAYER_TOO_LARGE',
      message: 'vendor.tar has more than 2 entries (the limit maxEntries)',
      hint: expect.stringContaining('raise the limit maxEntries'),
    });
  });

  it('of bytes', async () => {
    const limits = { ...DEFAULT_LAYER_LIMITS, maxLayerBytes: 100_000 };
    await expect(ingest(gzipSync(zeros(200_000)), { limits })).rejects.toThrow(
      /100000 bytes \(the limit maxLayerBytes\)/,
    );
    expect(await blobs()).toEqual([]);
  });

  it('of the ratio: a bomb is stopped on the way', async () => {
    const bomb = gzipSync(zeros(90 * 2 ** 20), { level: 9 });
    const limits = { ...DEFAULT_LAYER_LIMITS, maxRatio: 500 };
    await expect(ingest(bomb, { limits }, 1000)).rejects.toThrow(/500 times its size \(the limit maxRatio\)/);
    expect(await blobs()).toEqual([]);
  });

  it('count sparse files by what they unpack to', async () => {
    const header = tarOf([{ path: 'x', content: '' }]).slice(0, 512);
    header[156] = 'S'.charCodeAt(0);
    header.set(Buffer.from('ustar  \0'), 257);
    header.set(Buffer.from('77777777777\0'), 483);
    header.fill(32, 148, 156);
    header.set(
      Buffer.from(
        `${header
          .reduce((sum, byte) => sum + byte, 0)
          .toString(8)
          .padStart(6, '0')}\0 `,
      ),
      148,
    );
    const limits = { ...DEFAULT_LAYER_LIMITS, maxLayerBytes: 2 ** 32 };
    await expect(ingest(Buffer.concat([header, new Uint8Array(1024)]), { limits })).rejects.toThrow(
      /holds files of more than/,
    );
  });
});

describe('a local plain tar', () => {
  const file = () => join(folder, 'base.tar');
  const ingestFile = () => ingestLayer({ source: { kind: 'file', path: file() }, origin: 'rootfs base.tar' }, store);

  it('is not copied where the file system can share it, and not read again while it is unchanged', async () => {
    await writeFile(file(), tar);
    await chmod(file(), 0o640);
    const layer = await ingestFile();
    expect((await stat(file())).mode & 0o777).toBe(0o640);
    expect(layer.diffId).toBe(digestOf(tar));
    expect((await readdir(join(folder, 'store', 'seen'))).length).toBe(1);
    let bytes = 0;
    const counting = { bytes: (done: number) => void (bytes = done) };
    await ingestLayer({ source: { kind: 'file', path: file() }, origin: 'again', progress: counting }, store);
    expect(bytes).toBe(0);
  });

  it('that was changed in place is read again, and its old layer is not mistaken for what it was', async () => {
    await writeFile(file(), tar);
    const layer = await ingestFile();
    const other = tarOf([{ path: 'other', content: 'changed' }]);
    await truncate(file(), 0);
    await appendFile(file(), other);
    await utimes(file(), 1, 1);
    const changed = await ingestFile();
    expect(changed.diffId).toBe(digestOf(other));
    expect((await readLayerIndex(store, changed)).map((entry) => entry.path)).toEqual(['other']);
    // Where the file system has no reflinks the old blob was a hard link and has changed with the file.
    const old = await readLayerIndex(store, layer).catch((error: { code: string }) => error.code);
    expect(typeof old === 'string' ? old : digestOf(tar)).toSatisfy(
      (value: string) => value === 'LAYER_INVALID' || value === layer.diffId,
    );
  });

  it('stays in the store when the original goes away', async () => {
    await writeFile(file(), tar);
    const layer = await ingestFile();
    await import('node:fs/promises').then(({ rm }) => rm(file()));
    expect((await readLayerIndex(store, layer)).length).toBe(3);
  });
});

describe('the index', () => {
  it('is made anew when it is missing or damaged', async () => {
    const layer = await ingest(tar);
    const path = join(folder, 'store', 'layers', `${layer.diffId.slice(7)}.tar-index`);
    await chmod(path, 0o644);
    await writeFile(path, 'nonsense');
    expect((await readLayerIndex(store, layer)).length).toBe(3);
    expect((await stat(path)).size).toBeGreaterThan(100);
  });

  it('gives back what the parser found, for every kind of entry', () => {
    const entries = new TarParser().push(
      tarOf([
        { path: 'c', type: 'character', deviceMajor: 4, deviceMinor: 70 },
        { path: 'b', type: 'block', deviceMajor: 8 },
        { path: '\x80\xff\n"\\', type: 'fifo', uid: 0xfffffffe },
        {
          path: 'x',
          xattrs: { 'security.capability': decodeLatin1(Uint8Array.from({ length: 256 }, (_, index) => index)) },
        },
        { path: 'h', type: 'hardlink', linkname: 'x' },
      ]),
    );
    const sparse: IndexedEntry = {
      ...(entries[3] as IndexedEntry),
      path: 's',
      size: 9000,
      storedSize: 512,
      sparse: [[4096, 512]],
    };
    const line = encodeBlock([...entries, sparse]);
    expect(line).not.toContain('\n');
    const read: IndexedEntry[] = [];
    decodeBlock(line, read);
    expect(read).toEqual([...entries, sparse]);
  });
});
