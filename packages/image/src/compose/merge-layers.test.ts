import { type IndexedEntry, TarParser } from '@bowline/formats';
import type { LocalBlobStore } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { emitTar } from './emit-tar.ts';
import { layerOf, type Member, namesOf, openTestStore, tarOf } from './layer-fixture.ts';
import { mergeLayers } from './merge-layers.ts';
import { findNode, type MergedTree } from './merged-tree.ts';
import { listTree, readFileFromTree } from './read-tree.ts';

let store: LocalBlobStore;
let close: () => Promise<void>;
beforeEach(async () => {
  ({ store, close } = await openTestStore());
});
afterEach(() => close());

async function merge(...layers: (readonly Member[])[]): Promise<MergedTree> {
  const inputs = [];
  for (const [index, members] of layers.entries())
    inputs.push(await layerOf(store, members, { origin: `layer ${index + 1}` }));
  return mergeLayers(inputs);
}

async function text(tree: MergedTree, path: string): Promise<string | undefined> {
  const bytes = await readFileFromTree(tree, store, path);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1');
}

/** The emitted tar, read back. */
async function emitted(tree: MergedTree): Promise<{ entries: IndexedEntry[]; bytes: Buffer }> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of emitTar(tree, store)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const parser = new TarParser();
  const entries = parser.push(bytes);
  parser.finish();
  return { entries, bytes };
}

const dir = (path: string, mode = 0o755): Member => ({ path, type: 'directory', mode });
const symlink = (path: string, linkname: string): Member => ({ path, type: 'symlink', linkname, mode: 0o777 });
const hardlink = (path: string, linkname: string): Member => ({ path, type: 'hardlink', linkname });

describe('layers', () => {
  it('later ones win; folders merge and take the later metadata', async () => {
    const tree = await merge(
      [dir('etc', 0o700), { path: 'etc/a', content: 'old' }, { path: 'etc/b', content: 'kept' }],
      [dir('etc', 0o755), { path: 'etc/a', content: 'new' }],
    );
    expect(namesOf(tree)).toEqual(['etc/', 'etc/a', 'etc/b']);
    expect(await text(tree, 'etc/a')).toBe('new');
    expect(await text(tree, 'etc/b')).toBe('kept');
    expect(findNode(tree, 'etc', { follow: false })?.node.inode.meta.mode).toBe(0o755);
  });

  it('a file replaces a folder with all that is in it, and a folder a file', async () => {
    const tree = await merge(
      [dir('a'), dir('a/b'), { path: 'a/b/c' }, { path: 'f' }],
      [{ path: 'a' }, dir('f'), { path: 'f/x' }],
    );
    expect(namesOf(tree)).toEqual(['a', 'f/', 'f/x']);
  });

  it('of duplicate names in one layer the last wins', async () => {
    const tree = await merge([{ path: 'a', content: '1' }, { path: 'a', content: '2' }, dir('d'), { path: 'd' }]);
    expect(await text(tree, 'a')).toBe('2');
    expect(namesOf(tree)).toEqual(['a', 'd']);
  });

  it('missing parents are made, 0755 and owned by root', async () => {
    const tree = await merge([{ path: 'x/y/z', uid: 7 }]);
    const meta = findNode(tree, 'x/y', { follow: false })?.node.inode.meta;
    expect(meta).toMatchObject({ type: 'directory', mode: 0o755, uid: 0, gid: 0 });
  });

  it('setuid, owners, attributes, devices and names that are not UTF-8 survive', async () => {
    const members: Member[] = [
      { path: 'bin/su', mode: 0o4755, content: 'elf' },
      { path: 'caf\xe9\xff', uid: 4242, gid: 70000, xattrs: { 'security.capability': '\x01\0\0\x02\xff\xfe' } },
      { path: 'dev/null', type: 'character', deviceMajor: 1, deviceMinor: 3, mode: 0o666 },
      { path: 'pipe', type: 'fifo', mode: 0o600 },
    ];
    const { entries } = await emitted(await merge(members));
    expect(entries.map((entry) => entry.path)).toEqual(['bin', 'bin/su', 'caf\xe9\xff', 'dev', 'dev/null', 'pipe']);
    expect(entries[1]).toMatchObject({ mode: 0o4755 });
    expect(entries[2]).toMatchObject({ uid: 4242, gid: 70000 });
    expect(entries[2]?.xattrs['security.capability']).toBe('\x01\0\0\x02\xff\xfe');
    expect(entries[4]).toMatchObject({ type: 'character', deviceMajor: 1, deviceMinor: 3, mode: 0o666 });
    expect(entries[5]).toMatchObject({ type: 'fifo', mode: 0o600 });
  });

  it('leave in path order, whatever order they came in', async () => {
    const tree = await merge([
      { path: 'b' },
      { path: 'a.b' },
      dir('a'),
      { path: 'a/z' },
      { path: 'a/\xff' },
      { path: 'a-' },
    ]);
    expect(namesOf(tree)).toEqual(['a/', 'a/z', 'a/\xff', 'a-', 'a.b', 'b']);
  });
});

describe('whiteouts', () => {
  it('remove a file, or a folder with all that is in it', async () => {
    const tree = await merge(
      [{ path: 'a/f' }, { path: 'a/d/x' }, { path: 'keep' }],
      [{ path: 'a/.wh.f' }, { path: 'a/.wh.d' }, { path: 'a/.wh.never' }, { path: 'nowhere/.wh.x' }],
    );
    expect(namesOf(tree)).toEqual(['a/', 'keep']);
  });

  it('never remove what their own layer brings, in either order', async () => {
    const base = [{ path: 'd/old' }, { path: 'e/old' }];
    expect(
      namesOf(await merge(base, [{ path: '.wh.d' }, { path: 'd/new' }, { path: 'e/new' }, { path: '.wh.e' }])),
    ).toEqual(['d/', 'd/new', 'e/', 'e/new']);
  });

  it('opaque: a folder loses what lower layers put in, and keeps what its own layer does', async () => {
    const tree = await merge(
      [{ path: 'd/old' }, { path: 'd/sub/old' }],
      [dir('d'), { path: 'd/sub/new' }, { path: 'd/.wh..wh..opq' }, { path: 'd/late' }],
    );
    expect(namesOf(tree)).toEqual(['d/', 'd/late', 'd/sub/', 'd/sub/new']);
  });

  it('opaque root drops all lower layers', async () => {
    expect(namesOf(await merge([{ path: 'a/b' }], [{ path: '.wh..wh..opq' }, { path: 'c' }]))).toEqual(['c']);
  });

  it('of AUFS bookkeeping are ignored', async () => {
    const aufs = [
      { path: '.wh..wh.plnk', type: 'directory' as const },
      { path: '.wh..wh.plnk/1.2' },
      { path: '.wh..wh.aufs' },
    ];
    expect(namesOf(await merge([{ path: 'a' }, ...aufs]))).toEqual(['a']);
  });

  it('with content are refused', async () => {
    await expect(merge([{ path: 'd/.wh.a/b' }])).rejects.toThrow(/whiteout "\.wh\.a" .* is a folder with content/);
  });

  it.each(['.wh.', '.wh..', '.wh...', 'd/.wh..'])('of nothing or of "/" (%s) are refused', async (path) => {
    await expect(merge([{ path: 'd/x' }], [{ path }])).rejects.toMatchObject({
      code: 'LAYER_INVALID',
      message: expect.stringMatching(/^layer 2: the whiteout/),
    });
  });
});

describe('hard links', () => {
  it('the first name in path order carries the bytes', async () => {
    const tree = await merge([{ path: 'z', content: 'bytes' }, hardlink('a', 'z'), hardlink('m', 'a')]);
    const { entries, bytes } = await emitted(tree);
    expect(entries.map(({ path, type, linkname }) => [path, type, linkname])).toEqual([
      ['a', 'file', ''],
      ['m', 'hardlink', 'a'],
      ['z', 'hardlink', 'a'],
    ]);
    const first = entries[0] as IndexedEntry;
    expect(bytes.toString('latin1', first.offset, first.offset + first.size)).toBe('bytes');
  });

  it('across layers keep the bytes when the other name is replaced or removed', async () => {
    const base = [{ path: 'a', content: 'old' }, hardlink('b', 'a')];
    const replaced = await merge(base, [{ path: 'a', content: 'new' }, hardlink('c', 'b')]);
    expect(await text(replaced, 'a')).toBe('new');
    expect(await text(replaced, 'b')).toBe('old');
    const { entries } = await emitted(replaced);
    expect(entries.map(({ path, type, linkname }) => `${path} ${type} ${linkname}`)).toEqual([
      'a file ',
      'b file ',
      'c hardlink b',
    ]);

    const removed = await merge(base, [{ path: '.wh.a' }]);
    expect((await emitted(removed)).entries.map(({ path, type }) => `${path} ${type}`)).toEqual(['b file']);
    expect(await text(removed, 'b')).toBe('old');
  });

  it('may come before their target, and to themselves change nothing', async () => {
    const tree = await merge([hardlink('a', 'b'), { path: 'b', content: 'x' }, hardlink('b', 'b')]);
    expect(await text(tree, 'a')).toBe('x');
  });

  it('to nothing, to a folder or out of the tree are refused with both names', async () => {
    await expect(merge([hardlink('a', 'gone')])).rejects.toThrow(/"a" points to "gone", which does not exist/);
    await expect(merge([dir('d'), hardlink('a', 'd')])).rejects.toThrow(/"a" points to the folder "d"/);
    await expect(merge([hardlink('a', '../../etc/shadow')])).rejects.toThrow(/hard link "a".*"\.\." component/);
    // Absolute targets start at the root of the image, not of this machine.
    await expect(merge([hardlink('a', '/etc/shadow')])).rejects.toThrow(/which does not exist/);
  });
});

describe('symbolic links', () => {
  it('as parents are followed inside the tree: usr-merge', async () => {
    const tree = await merge(
      [dir('usr/lib'), symlink('lib', 'usr/lib')],
      [{ path: 'lib/modules/6.1/k.ko', content: 'ko' }],
    );
    expect(namesOf(tree)).toEqual([
      'lib -> usr/lib',
      'usr/',
      'usr/lib/',
      'usr/lib/modules/',
      'usr/lib/modules/6.1/',
      'usr/lib/modules/6.1/k.ko',
    ]);
    expect(await text(tree, 'lib/modules/6.1/k.ko')).toBe('ko');
  });

  it('written through stay inside, absolute and with any number of ".."', async () => {
    const tree = await merge([
      symlink('abs', '/etc'),
      symlink('up', '../../../../etc'),
      { path: 'abs/one', content: '1' },
      { path: 'up/two', content: '2' },
    ]);
    expect(namesOf(tree)).toEqual(['abs -> /etc', 'etc/', 'etc/one', 'etc/two', 'up -> ../../../../etc']);
  });

  it('in a circle are refused when something is written through them', async () => {
    await expect(merge([symlink('a', 'b'), symlink('b', 'a'), { path: 'a/x' }])).rejects.toThrow(
      /too many symbolic links.*"a"/,
    );
  });

  it('give way to a folder of the same container image, and stay below a layer made for another base', async () => {
    const base = [{ path: 'usr/lib/libc' }, symlink('lib', 'usr/lib')];
    const kernel = [dir('lib', 0o700), { path: 'lib/k' }];
    expect(namesOf(await merge(base, kernel))).toEqual(['lib/', 'lib/k', 'usr/', 'usr/lib/', 'usr/lib/libc']);
    const foreign = mergeLayers([await layerOf(store, base), await layerOf(store, kernel, { foreign: true })]);
    expect(namesOf(foreign)).toEqual(['lib -> usr/lib', 'usr/', 'usr/lib/', 'usr/lib/k', 'usr/lib/libc']);
    expect(findNode(foreign, 'usr/lib', { follow: false })?.node.inode.meta.mode).toBe(0o755);
  });

  it('of a layer made for another base do not replace a folder', async () => {
    const tree = mergeLayers([
      await layerOf(store, [{ path: 'lib/libc.musl' }]),
      await layerOf(store, [symlink('lib', 'usr/lib'), { path: 'usr/lib/modules/m' }], { foreign: true }),
    ]);
    expect(namesOf(tree)).toEqual([
      'lib/',
      'lib/libc.musl',
      'usr/',
      'usr/lib/',
      'usr/lib/modules/',
      'usr/lib/modules/m',
    ]);
  });
});

describe('reading', () => {
  it('follows links inside the tree and reads sparse files whole', async () => {
    const tree = await merge([
      symlink('sbin/init', '/usr/bin/../bin/init'),
      { path: 'usr/bin/init', content: 'elf' },
      symlink('loop', 'loop'),
    ]);
    expect(await text(tree, 'sbin/init')).toBe('elf');
    expect(await text(tree, '/usr/bin/init')).toBe('elf');
    expect(await text(tree, 'loop')).toBeUndefined();
    expect(await text(tree, 'usr/bin/init/x')).toBeUndefined();
    expect(listTree(tree, 'usr').map(({ name, type }) => `${name} ${type}`)).toEqual(['bin directory']);
    expect(listTree(tree, 'missing')).toEqual([]);
  });

  it('refuses a file that is larger than expected', async () => {
    const tree = await merge([{ path: 'a', content: '12345' }]);
    await expect(readFileFromTree(tree, store, 'a', { maxBytes: 4 })).rejects.toThrow(/5 bytes; at most 4/);
  });
});

describe('size', () => {
  it('a million names merge and leave in bounded time and memory', async () => {
    const entries: IndexedEntry[] = [];
    const [sample] = new TarParser().push(tarOf([{ path: 'sample' }]));
    for (let index = 0; index < 1_000_000; index++) {
      entries.push({ ...(sample as IndexedEntry), path: `d${index % 1000}/f${index}` });
    }
    const layer = { diffId: `sha256:${'0'.repeat(64)}` as const, size: 0, origin: 'big' };
    const before = process.cpuUsage();
    const tree = mergeLayers([{ layer, entries }]);
    let bytes = 0;
    for await (const chunk of emitTar(tree, store, { reuseChunks: true })) bytes += chunk.length;
    expect(bytes).toBe((1_000_000 + 1000) * 512 + 1024);
    const spent = process.cpuUsage(before);
    expect((spent.user + spent.system) / 1e6).toBeLessThan(30);
    expect(process.memoryUsage().heapUsed).toBeLessThan(1.5 * 2 ** 30);
  }, 120_000);

  it('deep trees do not overflow the stack, and paths beyond what Linux opens are refused', async () => {
    const tree = await merge([
      { path: `${'d/'.repeat(1500)}end` },
      symlink('a', 'd/'.repeat(1500)),
      { path: `a/${'e/'.repeat(1500)}end` },
    ]);
    await expect(emitted(tree)).rejects.toThrow(/longer than 4095 bytes/);
  });
});
