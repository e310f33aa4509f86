import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { cacheFolder } from '../../apps/cli/src/places.ts';
import { LocalBlobStore, nodeHost, type TaskProgress } from '../../packages/host/src/index.ts';
import { applyImageRules } from '../../packages/image/src/compose/apply-rules.ts';
import { buildSquashfs } from '../../packages/image/src/compose/build-squashfs.ts';
import { emitTar } from '../../packages/image/src/compose/emit-tar.ts';
import { formatVerity, verityParameters } from '../../packages/image/src/compose/format-verity.ts';
import { layerOf } from '../../packages/image/src/compose/layer-fixture.ts';
import { mergeLayers } from '../../packages/image/src/compose/merge-layers.ts';
import type { MergedTree } from '../../packages/image/src/compose/merged-tree.ts';
import { ingestLayer } from '../../packages/image/src/layers/ingest-layer.ts';
import { readLayerIndex } from '../../packages/image/src/layers/read-layer-index.ts';
import { prepareToolbox } from '../../packages/image/src/toolbox/prepare-toolbox.ts';
import type { Toolbox } from '../../packages/image/src/toolbox/toolbox.ts';

/** Makes a root with one of everything. Only the standard library of Python, which never saw our code. */
const MAKE_ROOT = String.raw`
import os, struct, sys
root = os.fsencode(sys.argv[1])
def path(name): return os.path.join(root, name)
def folder(name, mode=0o755): os.makedirs(path(name), exist_ok=True); os.chmod(path(name), mode)
def file(name, data=b'', mode=0o644, uid=0, gid=0):
    with open(path(name), 'wb') as out: out.write(data)
    os.chown(path(name), uid, gid); os.chmod(path(name), mode)
for name in [b'etc', b'usr/bin', b'usr/lib/modules', b'var/lib/x', b'opt']: folder(name)
folder(b'srv/sticky', 0o1777); folder(b'srv/setgid', 0o2770)
file(b'usr/bin/ping', b'\x7fELF' + bytes(range(256)) * 900, 0o755)
os.setxattr(path(b'usr/bin/ping'), 'security.capability', struct.pack('<IIIII', 0x02000001, 1 << 13, 0, 0, 0))
file(b'usr/bin/su', b'su', 0o4755)
file(b'usr/bin/wall', b'wall', 0o2755, 0, 5)
file(b'etc/shadow', b'root:*:', 0o640, 0, 42)
file(b'etc/big-owner', b'x', 0o600, 3000000, 4000000000)
file(b'etc/empty')
file(b'etc/caf\xc3\xa9', b'utf-8'); file(b'etc/latin-\xe9\xff', b'not utf-8'); file(b'etc/new\nline', b'odd')
file(b'etc/user-attributes', b'x')
os.setxattr(path(b'etc/user-attributes'), 'user.binary', bytes(range(256)))
os.setxattr(path(b'etc/user-attributes'), 'user.text', b'a=b\n')
os.setxattr(path(b'opt'), 'user.on-folder', b'yes')
long = b'opt/' + b'/'.join([b'd' * 80] * 4)
folder(long); file(long + b'/' + b'f' * 200, b'long'); os.symlink(b't' * 150, path(b'opt/long-target'))
os.symlink(b'usr/lib', path(b'lib')); os.symlink(b'/etc/empty', path(b'etc/absolute'))
file(b'var/lib/x/one', b'linked' * 1000); os.link(path(b'var/lib/x/one'), path(b'etc/one-more')); os.link(path(b'var/lib/x/one'), path(b'var/lib/x/zzz'))
os.mkfifo(path(b'srv/fifo'), 0o600)
os.link(path(b'lib'), path(b'opt/lib'), follow_symlinks=False)
os.mknod(path(b'srv/null'), 0o666 | 0o020000, os.makedev(1, 3)); os.chmod(path(b'srv/null'), 0o666)
os.mknod(path(b'srv/disk'), 0o660 | 0o060000, os.makedev(8, 300))
with open(path(b'srv/sparse'), 'wb') as out:
    for at in range(12): out.seek(at * 1000000 + 4096); out.write(b'data%d' % at * 200)
    out.truncate(20000000)
with open(path(b'srv/hole'), 'wb') as out: out.truncate(300000)
for here, folders, files in os.walk(root, topdown=False):
    for name in files + folders: os.utime(os.path.join(here, name), (1700000000, 1600000000 + len(name)), follow_symlinks=False)
`;

/** Says everything about a tree, one JSON object by path; hard links show the names they share. */
const DESCRIBE = String.raw`
import hashlib, json, os, stat, sys
root = os.fsencode(sys.argv[1]); out = {}; inodes = {}
def text(name): return name.decode('latin-1')
def xattrs(path): return {name: os.getxattr(path, name, follow_symlinks=False).hex() for name in sorted(os.listxattr(path, follow_symlinks=False))}
for here, folders, files in os.walk(root):
    for name in sorted(files + folders):
        path = os.path.join(here, name); s = os.lstat(path); rel = text(os.path.relpath(path, root))
        e = {'mode': oct(s.st_mode), 'uid': s.st_uid, 'gid': s.st_gid, 'mtime': int(s.st_mtime), 'xattrs': xattrs(path)}
        if stat.S_ISREG(s.st_mode):
            e['size'] = s.st_size
            with open(path, 'rb') as data: e['sha256'] = hashlib.sha256(data.read()).hexdigest()
        elif stat.S_ISLNK(s.st_mode): e['target'] = text(os.readlink(path))
        elif stat.S_ISCHR(s.st_mode) or stat.S_ISBLK(s.st_mode): e['device'] = [os.major(s.st_rdev), os.minor(s.st_rdev)]
        if not stat.S_ISDIR(s.st_mode) and s.st_nlink > 1: inodes.setdefault(s.st_ino, []).append(rel)
        out[rel] = e
for names in inodes.values():
    for name in names: out[name]['links'] = sorted(names)
print(json.dumps(out))
`;

/** What Python's own tar reader makes of an archive. */
const LIST_TAR = String.raw`
import json, sys, tarfile
out = {}
with tarfile.open(sys.argv[1], encoding='utf-8', errors='surrogateescape') as tar:
    for m in tar:
        m.name = m.name.encode('utf-8', 'surrogateescape').decode('latin-1')
        xattrs = {k[13:]: v for k, v in m.pax_headers.items() if k.startswith('SCHILY.xattr.')}
        out[m.name] = {'type': m.type.decode(), 'mode': m.mode, 'uid': m.uid, 'gid': m.gid, 'size': m.size, 'mtime': int(m.mtime), 'link': m.linkname, 'xattrs': len(xattrs)}
print(json.dumps(out))
`;

type Description = Record<string, Record<string, unknown>>;

const host = nodeHost();
const quiet: TaskProgress = {
  task: (_title, work) => work(quiet),
  warn: () => undefined,
  bytes: () => undefined,
  note: () => undefined,
};

let folder = '';
let store: LocalBlobStore;
let source = '';
let truth: Description = {};
let missing: string | undefined;
let toolbox: Toolbox | undefined;
let toolboxMissing = '';

async function run(...argv: [string, ...string[]]): Promise<string> {
  const { stdout } = await host.processes.run({ argv, timeoutMs: 300_000, maxCaptureBytes: 2 ** 26 });
  return new TextDecoder().decode(stdout);
}

const describeTree = async (path: string) => JSON.parse(await run('python3', '-c', DESCRIBE, path)) as Description;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-compose-'));
  store = await LocalBlobStore.open(join(folder, 'store'));
  source = join(folder, 'source');
  await mkdir(source);
  if (!host.isRoot) {
    missing = 'only root can make files of other owners, devices and file capabilities to compare with';
    return;
  }
  try {
    await run('python3', '-c', MAKE_ROOT, source);
    await run('tar', '--version');
  } catch (error) {
    missing = `needs python3, GNU tar and a file system with extended attributes: ${String(error).slice(0, 200)}`;
    return;
  }
  truth = await describeTree(source);
  try {
    toolbox = await prepareToolbox({
      host,
      cacheFolder: cacheFolder(host.env, process.cwd()),
      store: await LocalBlobStore.open(join(cacheFolder(host.env, process.cwd()), 'store')),
      progress: quiet,
      signal: AbortSignal.timeout(600_000),
      offline: false,
    });
  } catch (error) {
    toolboxMissing = `no toolbox: ${String(error).slice(0, 300)}`;
  }
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Skips a test that cannot run, saying why. */
function needRoot(context: TestContext): void {
  if (missing !== undefined) context.skip(missing);
}

function needToolbox(context: TestContext): Toolbox {
  needRoot(context);
  if (toolbox === undefined) return context.skip(toolboxMissing);
  return toolbox;
}

async function treeOf(tar: string): Promise<MergedTree> {
  const layer = await ingestLayer({ source: { kind: 'file', path: tar }, origin: tar }, store);
  return mergeLayers([{ layer, entries: await readLayerIndex(store, layer) }]);
}

async function writeTar(tree: MergedTree, path: string): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of emitTar(tree, store)) chunks.push(chunk);
  await writeFile(path, Buffer.concat(chunks));
}

/** Unpacks with the toolbox's unsquashfs, run on the host: inside, nobody may make devices or capabilities. */
async function unsquash(box: Toolbox, image: string, into: string): Promise<void> {
  const loader = ['usr/lib64/ld-linux-x86-64.so.2', 'usr/lib/ld-linux-aarch64.so.1', 'lib64/ld-linux-x86-64.so.2']
    .map((path) => join(box.root, path))
    .find((path) => existsSync(path));
  const libraries = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((name) => join(box.root, 'usr/lib', name)).join(':');
  const tool = join(box.root, 'usr/bin/unsquashfs');
  await run(
    loader ?? 'missing-loader',
    '--library-path',
    libraries,
    tool,
    '-no-progress',
    '-strict-errors',
    '-d',
    into,
    image,
  );
}

const TAR_FORMATS: [name: string, options: string[], losesXattrs: boolean][] = [
  [
    'posix, sparse 1.0',
    ['--format=posix', '--sparse', '--sparse-version=1.0', '--xattrs', '--xattrs-include=*'],
    false,
  ],
  [
    'posix, sparse 0.1',
    ['--format=posix', '--sparse', '--sparse-version=0.1', '--xattrs', '--xattrs-include=*'],
    false,
  ],
  [
    'posix, sparse 0.0',
    ['--format=posix', '--sparse', '--sparse-version=0.0', '--xattrs', '--xattrs-include=*'],
    false,
  ],
  ['gnu, old sparse', ['--format=gnu', '--sparse'], true],
  ['oldgnu', ['--format=oldgnu'], true],
];

describe('archives made by GNU tar', () => {
  it.for(TAR_FORMATS)(
    '%s: read and written again, GNU tar unpacks the same root',
    async ([name, options, losesXattrs], context) => {
      needRoot(context);
      const id = createHash('sha256').update(name).digest('hex').slice(0, 8);
      const tar = join(folder, `${id}.tar`);
      await run('tar', '--create', '--file', tar, '--numeric-owner', ...options, '--directory', source, '.');
      const again = join(folder, `${id}-again.tar`);
      await writeTar(await treeOf(tar), again);
      const unpacked = join(folder, `${id}-unpacked`);
      await mkdir(unpacked);
      const keep = ['--numeric-owner', '--same-owner', '--same-permissions', '--xattrs', '--xattrs-include=*'];
      await run('tar', '--extract', '--file', again, ...keep, '--directory', unpacked);
      const expected = structuredClone(truth);
      if (losesXattrs) for (const entry of Object.values(expected)) entry['xattrs'] = {};
      expect(await describeTree(unpacked)).toEqual(expected);
    },
  );

  it("Python's reader agrees with ours about what we write", async (context) => {
    needRoot(context);
    const tar = join(folder, 'python-in.tar');
    await run('tar', '--create', '--file', tar, '--format=posix', '--xattrs', '--xattrs-include=*', '-C', source, '.');
    const tree = await treeOf(tar);
    const again = join(folder, 'python-out.tar');
    await writeTar(tree, again);
    const listed = JSON.parse(await run('python3', '-c', LIST_TAR, again)) as Description;
    expect(Object.keys(listed).sort()).toEqual(Object.keys(truth).sort());
    for (const [path, entry] of Object.entries(truth)) {
      const found = listed[path] ?? {};
      expect({ path, mode: found['mode'], uid: found['uid'], gid: found['gid'], mtime: found['mtime'] }).toEqual({
        path,
        mode: Number.parseInt(String(entry['mode']).slice(2), 8) & 0o7777,
        uid: entry['uid'],
        gid: entry['gid'],
        mtime: entry['mtime'],
      });
      if (found['type'] === '0') expect({ path, size: found['size'] }).toEqual({ path, size: entry['size'] });
    }
  });
});

describe('the root file system', () => {
  it('holds every path, owner, mode, time, link, device, attribute and byte of its layers', async (context) => {
    const box = needToolbox(context);
    const tar = join(folder, 'root.tar');
    await run(
      'tar',
      '--create',
      '--file',
      tar,
      '--format=posix',
      '--sparse',
      '--xattrs',
      '--xattrs-include=*',
      '-C',
      source,
      '.',
    );
    const squashfs = join(folder, 'root.squashfs');
    await buildSquashfs({ tree: await treeOf(tar), store, toolbox: box, outputPath: squashfs });
    const unpacked = join(folder, 'unsquashed');
    await unsquash(box, squashfs, unpacked);
    expect(await describeTree(unpacked)).toEqual(truth);
    const listing = await box.run({
      argv: ['unsquashfs', '-lln', '-max-depth', '0', '/in/root.squashfs'],
      binds: [{ source: folder, target: '/in', writable: false }],
      timeoutMs: 60_000,
    });
    expect(new TextDecoder().decode(listing.stdout)).toMatch(/^drwxr-xr-x 0\/0 .* 2026-01-01 00:00 squashfs-root$/m);
  });

  it('is the same for an image made through rules and an upper layer, and hard links cross layers', async (context) => {
    const box = needToolbox(context);
    const base = await layerOf(store, [
      { path: 'a/first', content: 'old' },
      { path: 'b/second', type: 'hardlink', linkname: 'a/first' },
      { path: 'var/lib/dpkg/status', content: 'db' },
    ]);
    const upper = await layerOf(store, [
      { path: 'a/.wh.first' },
      { path: 'c/third', type: 'hardlink', linkname: 'b/second' },
    ]);
    const tree = mergeLayers([base, upper]);
    applyImageRules(tree);
    const squashfs = join(folder, 'rules.squashfs');
    await buildSquashfs({ tree, store, toolbox: box, outputPath: squashfs });
    const unpacked = join(folder, 'rules');
    await unsquash(box, squashfs, unpacked);
    const found = await describeTree(unpacked);
    expect(found['a/first']).toBeUndefined();
    expect(found['b/second']?.['links']).toEqual(['b/second', 'c/third']);
    expect(await readFile(join(unpacked, 'c/third'), 'utf8')).toBe('old');
    expect(found['var/lib/dpkg']?.['target']).toBe('../../usr/lib/sysimage/dpkg');
    expect(found['tmp']?.['mode']).toBe('0o41777');
  });

  it('is the same bytes twice, with a hash tree that veritysetup verifies and that notices one flipped byte', async (context) => {
    const box = needToolbox(context);
    const tar = join(folder, 'twice.tar');
    await run('tar', '--create', '--file', tar, '--format=posix', '--xattrs', '--xattrs-include=*', '-C', source, '.');
    const digests: string[] = [];
    const hashes: string[] = [];
    for (const name of ['one', 'two']) {
      const work = join(folder, `twice-${name}`);
      await mkdir(work);
      const squashfs = join(work, 'root.squashfs');
      await buildSquashfs({ tree: await treeOf(tar), store, toolbox: box, outputPath: squashfs });
      const digest = `sha256:${createHash('sha256')
        .update(await readFile(squashfs))
        .digest('hex')}` as const;
      digests.push(digest);
      const out = join(work, 'root.verity');
      hashes.push((await formatVerity({ squashfs, out, toolbox: box, ...verityParameters(digest) })).rootHash);
      digests.push(
        createHash('sha256')
          .update(await readFile(out))
          .digest('hex'),
      );
    }
    expect(digests.slice(2)).toEqual(digests.slice(0, 2));
    expect(hashes[1]).toBe(hashes[0]);

    const work = join(folder, 'twice-one');
    const verify = () =>
      box.run({
        argv: ['veritysetup', 'verify', '/in/root.squashfs', '/in/root.verity', hashes[0] ?? ''],
        binds: [{ source: work, target: '/in', writable: false }],
        timeoutMs: 60_000,
        okExitCodes: [0, 1],
      });
    expect((await verify()).exitCode).toBe(0);
    const bytes = await readFile(join(work, 'root.squashfs'));
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    await rm(join(work, 'root.squashfs'));
    await writeFile(join(work, 'root.squashfs'), bytes);
    expect((await verify()).exitCode).toBe(1);
  });

  it('leaves nothing behind when it is stopped', async (context) => {
    const box = needToolbox(context);
    const work = join(folder, 'stopped');
    await mkdir(work);
    const tree = mergeLayers([await layerOf(store, [{ path: 'big', content: 'x'.repeat(20_000_000) }])]);
    const stop = new AbortController();
    const progress = { bytes: () => stop.abort() };
    const outputPath = join(work, 'root.squashfs');
    const building = buildSquashfs({ tree, store, toolbox: box, outputPath, progress, signal: stop.signal });
    await expect(building).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await run('ls', '-A', work)).toBe('');
  });
});
