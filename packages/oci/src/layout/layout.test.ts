import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createArchiveSource } from '../archive/archive-source.ts';
import { digestOf } from '../digest.ts';
import { makeConfig, makeSampleLayers, makeTar } from '../testing/sample-image.ts';
import { createLayoutSource, REF_NAME } from './layout-source.ts';
import { writeOciLayout } from './write-layout.ts';

const AMD64 = { architecture: 'amd64' };
let work: string;
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'oci-layout-'));
});
afterEach(() => rm(work, { recursive: true, force: true }));

const layers = makeSampleLayers();
function write(folder: string, options: { tag?: string; reversed?: boolean; digest?: `sha256:${string}` } = {}) {
  const config = { Cmd: ['/bin/true'], Env: ['A=1'] };
  return writeOciLayout({
    folder,
    image: options.reversed ? { config, architecture: 'amd64' } : { architecture: 'amd64', config },
    layers: layers.map(({ mediaType, diffId, blob }) => ({
      mediaType,
      diffId,
      ...(options.digest === undefined ? {} : { digest: options.digest }),
      open: async function* () {
        yield blob;
      },
    })),
    annotations: { b: '2', a: '1' },
    ...(options.tag === undefined ? {} : { tag: options.tag }),
  });
}

describe('writeOciLayout', () => {
  it('gives the same bytes and modes for the same image, whatever the umask', async () => {
    const one = join(work, 'one');
    const two = join(work, 'two');
    await write(one, { tag: 'v1' });
    await write(two, { tag: 'v1', reversed: true });
    const names = (await readdir(one, { recursive: true })).sort();
    expect((await readdir(two, { recursive: true })).sort()).toEqual(names);
    for (const name of names) {
      const [a, b] = await Promise.all([stat(join(one, name)), stat(join(two, name))]);
      expect(b.mode).toBe(a.mode);
      expect(a.mode & 0o777).toBe(a.isFile() ? 0o644 : 0o755);
      if (a.isFile()) expect(await readFile(join(two, name))).toEqual(await readFile(join(one, name)));
    }
  });

  it('does not touch a folder that exists and leaves nothing after a failure', async () => {
    await mkdir(join(work, 'full'));
    await writeFile(join(work, 'full', 'x'), '');
    await expect(write(join(work, 'full'))).rejects.toMatchObject({ code: 'DESTINATION_EXISTS' });
    await expect(write(join(work, 'new'), { digest: `sha256:${'0'.repeat(64)}` })).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    expect(await readdir(work)).toEqual(['full']);
  });
});

describe('createLayoutSource', () => {
  it('tells the names there are when the tag is wrong or missing', async () => {
    const folder = join(work, 'layout');
    await write(folder, { tag: 'v1' });
    await expect(createLayoutSource({ kind: 'oci-layout', folder, tag: 'v2' }).resolve(AMD64)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('there is: v1'),
    });
    const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8'));
    index.manifests.push({ ...index.manifests[0], annotations: { [REF_NAME]: 'v2' } });
    await writeFile(join(folder, 'index.json'), JSON.stringify(index));
    await expect(createLayoutSource({ kind: 'oci-layout', folder }).resolve(AMD64)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('v1, v2'),
    });
  });

  it('finds an image by digest, through a nested index, and one whose entry names no platform', async () => {
    const folder = join(work, 'layout');
    const written = await write(folder);
    const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8'));
    delete index.manifests[0].platform;
    const nested = Buffer.from(JSON.stringify(index));
    const digest = digestOf(nested);
    await writeFile(join(folder, 'blobs', 'sha256', digest.slice(7)), nested);
    const root = { schemaVersion: 2, manifests: [{ mediaType: index.mediaType, digest, size: nested.length }] };
    await writeFile(join(folder, 'index.json'), JSON.stringify(root));
    for (const pinned of [{}, { digest }, { digest: written.manifestDigest }]) {
      const image = await createLayoutSource({ kind: 'oci-layout', folder, ...pinned }).resolve(AMD64);
      expect(image.manifestDigest).toBe(written.manifestDigest);
    }
  });

  it('says what is missing in a folder that is no layout', async () => {
    const source = createLayoutSource({ kind: 'oci-layout', folder: work });
    await expect(source.resolve(AMD64)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('is missing'),
    });
    await mkdir(join(work, 'oci-layout'));
    await expect(source.resolve(AMD64)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('createArchiveSource with bad archives', () => {
  const [layer] = layers;
  const tar = layer?.tar ?? new Uint8Array(0);
  const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
  const config = json(makeConfig(layers.slice(0, 1)));
  const list = (path: string, image = 'c.json') => json([{ Config: image, RepoTags: ['a:1'], Layers: [path] }]);
  const good = makeTar({ 'c.json': config, 'l.tar': tar, 'manifest.json': list('l.tar') });

  it.each([
    ['compressed', gzipSync(good), 'MANIFEST_INVALID', 'gzip -dk'],
    ['no tar', Buffer.alloc(4096, 1), 'MANIFEST_INVALID', 'docker save'],
    ['cut off', good.subarray(0, 3000), 'TRUNCATED', 'disk'],
    ['without a manifest', makeTar({ x: config }), 'MANIFEST_INVALID', 'docker save'],
    [
      'with a layer outside',
      makeTar({ 'c.json': config, 'manifest.json': list('../../etc/shadow') }),
      'MANIFEST_INVALID',
      'docker save',
    ],
    [
      'with an absolute layer',
      makeTar({ 'c.json': config, 'manifest.json': list('/etc/shadow') }),
      'MANIFEST_INVALID',
      'docker save',
    ],
    [
      'with links in a circle',
      makeTar({ 'c.json': config, a: { link: 'b' }, b: { link: 'a' }, 'manifest.json': list('a') }),
      'MANIFEST_INVALID',
      'docker save',
    ],
    [
      'with a configuration of another name',
      makeTar({
        [`${'0'.repeat(64)}.json`]: config,
        'l.tar': tar,
        'manifest.json': list('l.tar', `${'0'.repeat(64)}.json`),
      }),
      'DIGEST_MISMATCH',
      'altered',
    ],
  ])('refuses one that is %s', async (_name, bytes, code, hint) => {
    const file = join(work, 'a.tar');
    await writeFile(file, bytes);
    await expect(createArchiveSource({ kind: 'docker-archive', file }).resolve(AMD64)).rejects.toMatchObject({
      code,
      hint: expect.stringContaining(hint),
    });
  });

  it('lists the images when the wanted one is not there', async () => {
    const file = join(work, 'a.tar');
    await writeFile(file, good);
    await expect(
      createArchiveSource({ kind: 'docker-archive', file, image: 'b' }).resolve(AMD64),
    ).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('a:1'),
    });
  });
});
