import { lstat, mkdir, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { MEDIA_TYPES } from '@bowline/oci';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startMetadataServer } from '../datasources/metadata-server.testdata.ts';
import {
  digestOf,
  layerOf,
  type Member,
  registryAnswers,
  type TestLayer,
  tarOf,
  writeImage,
} from '../images/image-fixture.testdata.ts';
import type { UnpackOptions } from '../images/unpack-image.ts';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { fileText, modeOf, runPlugin, runTwice, summariesOf } from './run-plugin.testdata.ts';
import { makeUnpackImagesPlugin, unpackImages } from './unpack-images.ts';

const TARGET = '/opt/tools';

let test: TestMachine;
let layoutFolder: string;
beforeEach(async () => {
  test = await makeTestMachine();
  layoutFolder = join(test.root, 'layout');
});
afterEach(() => test.remove());

const wish = (more: { platform?: string; source?: string } = {}) => [
  { source: `oci:${layoutFolder}:1`, target: TARGET, platform: 'linux/amd64', ...more },
];

async function putImage(...layers: (readonly Member[] | TestLayer)[]): Promise<void> {
  await rm(layoutFolder, { recursive: true, force: true });
  await writeImage(
    layoutFolder,
    layers.map((layer) => ('blob' in layer ? layer : layerOf(tarOf(layer)))),
  );
}

const unpack = (options?: UnpackOptions) => runPlugin(test, makeUnpackImagesPlugin(options), wish());
const at = (path: string) => join(test.root, TARGET, path);

async function names(folder = join(test.root, TARGET)): Promise<string[]> {
  const found = await readdir(folder, { recursive: true });
  return found.sort();
}

const compare = (a: string, b: string) => (a < b ? -1 : 1);
const dir = (path: string, mode = 0o755): Member => ({ path, type: 'directory', mode });
const link = (path: string, linkname: string): Member => ({ path, type: 'symlink', linkname });

describe('unpack_images: what an image becomes', () => {
  it('files, folders, links, modes and times, and nothing the second time', async () => {
    await putImage([
      dir('bin', 0o555),
      { path: 'bin/tool', content: '#!/bin/sh\n', mode: 0o4755 },
      link('bin/alias', 'tool'),
      { path: 'bin/hard', type: 'hardlink', linkname: 'bin/tool' },
      { path: 'deep/without/entries', content: 'x' },
    ]);
    expect(await runTwice(test, unpackImages, wish())).toEqual([true, false]);
    expect(await names()).toEqual([
      'bin',
      'bin/alias',
      'bin/hard',
      'bin/tool',
      'deep',
      'deep/without',
      'deep/without/entries',
    ]);
    expect([await modeOf(test, `${TARGET}/bin`), await modeOf(test, `${TARGET}/bin/tool`)]).toEqual(['0555', '04755']);
    expect(await readlink(at('bin/alias'))).toBe('tool');
    expect((await lstat(at('bin/hard'))).ino).toBe((await lstat(at('bin/tool'))).ino);
    expect((await lstat(at('bin/tool'))).mtimeMs).toBe(1_700_000_000_000);
    expect(await readdir(join(test.root, 'opt'))).toEqual(['tools']);
  });

  it('owners, where it runs as root', async (ctx) => {
    if (process.getuid?.() !== 0) ctx.skip('only root gives files away');
    await putImage([{ path: 'f', uid: 123, gid: 456 }]);
    await unpack();
    expect(await lstat(at('f'))).toMatchObject({ uid: 123, gid: 456 });
  });

  it('plain and zstd layers too, later layers over earlier ones', async () => {
    const { zstdCompressSync } = await import('node:zlib');
    const tars = ['one', 'two'].map((content) => tarOf([{ path: 'f', content }, { path: content }]));
    const [plain = new Uint8Array(0), packed = new Uint8Array(0)] = tars;
    await putImage(
      { blob: plain, diffId: digestOf(plain), mediaType: MEDIA_TYPES.ociLayer },
      { blob: zstdCompressSync(packed), diffId: digestOf(packed), mediaType: MEDIA_TYPES.ociLayerZstd },
    );
    await unpack();
    expect(await fileText(test, `${TARGET}/f`)).toBe('two');
    expect(await names()).toEqual(['f', 'one', 'two']);
  });

  it('without what whiteouts remove, whatever their place in the layer', async () => {
    await putImage(
      [{ path: 'a/gone' }, { path: 'a/stays' }, { path: 'b/old' }, { path: 'c/x' }],
      [{ path: 'b/new' }, { path: 'a/.wh.gone' }, { path: 'b/.wh..wh..opq' }, { path: '.wh.c' }, { path: 'n/.wh.x' }],
    );
    await unpack();
    expect(await names()).toEqual(['a', 'a/stays', 'b', 'b/new']);
  });

  it('with a file that an upper layer makes a folder, and the other way round', async () => {
    await putImage([{ path: 'x' }, { path: 'y/z' }], [{ path: 'x/in' }, { path: 'y', content: 'file' }]);
    await unpack();
    expect(await names()).toEqual(['x', 'x/in', 'y']);
  });

  it('through links of its own, as if the target were the root', async () => {
    await putImage([dir('usr/lib'), link('lib', '/usr/lib')], [{ path: 'lib/so', content: 'x' }]);
    await unpack();
    expect(await readlink(at('lib'))).toBe('/usr/lib');
    expect(await fileText(test, `${TARGET}/usr/lib/so`)).toBe('x');
  });

  it('names that are no UTF-8', async () => {
    await putImage([{ path: 'caf\xe9', content: 'x' }]);
    await unpack();
    const [name] = await readdir(join(test.root, TARGET), { encoding: 'buffer' });
    expect(name?.toString('latin1')).toBe('caf\xe9');
  });

  it('says what was left out', async () => {
    await putImage([
      { path: 'ping', xattrs: { 'security.capability': '\x01' } },
      { path: 'null', type: 'character', deviceMajor: 1, deviceMinor: 3 },
    ]);
    const [outcome] = await unpack();
    expect(outcome?.note).toMatch(/1 devices were left out; extended attributes of 1 files were left out/);
  });
});

describe('unpack_images: over what is there', () => {
  it('replaces files one by one and keeps what is not of the image', async () => {
    await putImage([{ path: 'etc/conf', content: 'new' }, dir('etc', 0o750)]);
    await mkdir(at('etc'), { recursive: true });
    await writeFile(at('etc/conf'), 'old');
    await writeFile(at('etc/mine'), 'mine');
    expect(await runTwice(test, unpackImages, wish())).toEqual([true, false]);
    expect(await names()).toEqual(['etc', 'etc/conf', 'etc/mine']);
    expect(await fileText(test, `${TARGET}/etc/conf`)).toBe('new');
    expect(await modeOf(test, `${TARGET}/etc`)).toBe('0750');
  });

  it('unpacks again when the tag means another image, or the target is gone', async () => {
    await putImage([{ path: 'f', content: '1' }]);
    await unpack();
    await putImage([{ path: 'f', content: '2' }]);
    expect(await runTwice(test, unpackImages, wish())).toEqual([true, false]);
    expect(await fileText(test, `${TARGET}/f`)).toBe('2');
    await rm(join(test.root, TARGET), { recursive: true });
    expect(await runTwice(test, unpackImages, wish())).toEqual([true, false]);
  });

  it('follows links of the target that stay inside it, and refuses those that do not', async () => {
    await putImage([{ path: 'lib/new', content: 'x' }]);
    await mkdir(at('usr/lib'), { recursive: true });
    await symlink('usr/lib', at('lib'));
    await unpack();
    expect(await fileText(test, `${TARGET}/usr/lib/new`)).toBe('x');
    await rm(at('lib'));
    await mkdir(join(test.root, 'outside'));
    await symlink(join(test.root, 'outside'), at('lib'));
    await putImage([{ path: 'lib/other', content: 'y' }]);
    await expect(unpack()).rejects.toThrow(/leads out of the target/);
    expect(await readdir(join(test.root, 'outside'))).toEqual([]);
  });

  it.each([
    ['a folder where the image has a file', 'x/in', [{ path: 'x' }], /is a folder, in the image a file/],
    ['a file where the image has a folder', 'x', [{ path: 'x/in' }], /is a file, in the image a folder/],
  ])('refuses %s', async (_, there, members, message) => {
    await putImage(members);
    await mkdir(join(at(there), '..'), { recursive: true });
    await writeFile(at(there), 'mine');
    await expect(unpack()).rejects.toThrow(message);
    expect(await fileText(test, `${TARGET}/${there}`)).toBe('mine');
  });
});

describe('unpack_images: hostile images leave nothing', () => {
  async function refuses(message: RegExp, options?: UnpackOptions): Promise<void> {
    await expect(unpack(options)).rejects.toThrow(message);
    expect(await readdir(join(test.root, 'opt')).catch(() => [])).toEqual([]);
    expect(await lstat(join(test.root, 'escaped')).catch(() => undefined)).toBeUndefined();
  }

  it.each<[string, readonly Member[], RegExp]>([
    ['a path upwards', [{ path: 'x' }], /".." component/],
    ['a hard link to nothing', [{ path: 'x', type: 'hardlink', linkname: 'etc/shadow' }], /not there/],
    ['a hard link to a folder', [dir('d'), { path: 'x', type: 'hardlink', linkname: 'd' }], /to a folder/],
    ['a whiteout without a name', [{ path: 'a/.wh.' }], /names no file/],
    ['links in a circle', [link('a', 'b'), link('b', 'a'), { path: 'a/x' }], /lead to themselves/],
  ])('%s', async (name, members, message) => {
    if (name === 'a path upwards') {
      // The writer refuses such a name, so it is put into the finished archive.
      const tar = tarOf([{ path: 'aa/escaped' }]);
      tar.set(Buffer.from('..'), 0);
      const sum = tar
        .subarray(0, 512)
        .reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
      tar.set(Buffer.from(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
      await putImage(layerOf(tar));
    } else await putImage(members);
    await refuses(message);
  });

  it('writing through a link that leads out', async () => {
    await putImage([link('out', '../../..'), link('abs', '/')], [{ path: 'out/escaped' }, { path: 'abs/escaped2' }]);
    await unpack();
    expect((await readdir(join(test.root, TARGET))).toSorted(compare)).toEqual(['abs', 'escaped', 'escaped2', 'out']);
    expect(await lstat(join(test.root, 'escaped')).catch(() => undefined)).toBeUndefined();
  });

  it('a hard link through a link that leads out', async () => {
    await writeFile(join(test.root, 'secret'), 'secret');
    await putImage([link('out', test.root), { path: 'x', type: 'hardlink', linkname: 'out/secret' }]);
    await refuses(/not there/);
  });

  it('a layer that is not what the image says', async () => {
    await putImage(layerOf(tarOf([{ path: 'x' }]), digestOf(Buffer.from('other'))));
    await refuses(/digest is not what the image says/);
  });

  it('a layer that is cut off', async () => {
    const tar = tarOf([{ path: 'x', content: 'y'.repeat(5000) }]);
    await putImage({ blob: gzipSync(tar).subarray(0, 60), diffId: digestOf(tar), mediaType: MEDIA_TYPES.ociLayerGzip });
    await refuses(/damaged or cut off/);
  });

  it('too many bytes, too many entries, and bombs', async () => {
    await putImage([{ path: 'x', content: 'x'.repeat(10_000) }, { path: 'y' }]);
    await refuses(/more than 5000 bytes/, { limits: { maxBytes: 5000 } });
    await refuses(/more than 1 entries/, { limits: { maxEntries: 1 } });
    await putImage(layerOf(tarOf([{ path: 'zeros', content: '\0'.repeat(80 * 2 ** 20) }])));
    await refuses(/bomb/);
  });
});

describe('unpack_images: registries', () => {
  it('fetches from a registry, and keeps what is there when it is away', async () => {
    const server = await startMetadataServer(registryAnswers([layerOf(tarOf([{ path: 'f' }]))], 'team/tools', '1'));
    const host = server.url.slice('http://'.length);
    const limits = { maxAttempts: 1, retryBaseMs: 1, retryMaxMs: 1 };
    const plugin = makeUnpackImagesPlugin({ registry: { plainHttpRegistries: [host], limits } });
    const config = wish({ source: `${host}/team/tools:1` });
    expect(await runTwice(test, plugin, config)).toEqual([true, false]);
    expect(await names()).toEqual(['f']);
    await server.stop();
    const [outcome] = await runPlugin(test, plugin, config);
    expect(outcome).toEqual({ changed: false, note: 'the registry cannot be reached; what is there stays' });
    await rm(join(test.root, TARGET), { recursive: true });
    await expect(runPlugin(test, plugin, config)).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
  });

  it('names the platforms there are when the wanted one is missing', async () => {
    await putImage([{ path: 'f' }]);
    await expect(runPlugin(test, unpackImages, wish({ platform: 'linux/riscv64' }))).rejects.toMatchObject({
      code: 'PLATFORM_MISSING',
    });
  });

  it('takes the address as other tools write it', async () => {
    const source = 'docker://registry.example.com/tools:1';
    expect(summariesOf(unpackImages, wish({ source }))).toEqual([
      'unpack docker://registry.example.com/tools:1 to /opt/tools',
    ]);
  });

  it.each([
    ['no image', { source: '' }],
    ['the root as target', { target: '//' }],
    ['a relative target', { target: 'opt' }],
  ])('refuses %s', (_, more) => {
    const [first] = wish();
    expect(() => summariesOf(unpackImages, [{ ...first, source: 'a/b', target: TARGET, ...more }])).toThrow(
      expect.objectContaining({ code: 'STEP_INVALID' }),
    );
  });
});
