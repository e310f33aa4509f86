import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LocalBlobStore, nodeHost } from '../../packages/host/src/index.ts';
import { findNode } from '../../packages/image/src/compose/merged-tree.ts';
import { ingestLayer } from '../../packages/image/src/layers/ingest-layer.ts';
import { readTree } from '../../packages/image/src/sources/part-of-tree.ts';
import { DEFAULT_LAYER_LIMITS, type LayerRef } from '../../packages/image/src/sources/source.ts';
import { writeLayout } from '../../packages/image/src/sources/write-layout.ts';
import type { LockedSource } from '../../packages/spec/src/index.ts';
import { type RunAnswer, type RunRequest, runResolution } from './sources-runner.ts';

/** One Debian root that has every package manager Debian ships; os-release then says which distribution it plays. */
const MANAGERS = ['dnf', 'zypper', 'pacman-package-manager'];
const host = nodeHost();

let folder: string;
let missing: string | undefined;
let debian: LayerRef;
let store: LocalBlobStore;

const tool = async (...argv: [string, ...string[]]) =>
  (await host.processes.run({ argv, timeoutMs: 120_000, cwd: folder })).stdout;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sources-packages-'));
  await chmod(folder, 0o755);
  for (const program of ['mmdebstrap', 'buildah', 'dpkg-deb'])
    if (!existsSync(`/usr/bin/${program}`)) missing = `${program} is not installed`;
  if (missing !== undefined) return;
  store = await LocalBlobStore.open(path.join(folder, 'work/store'));
  const answer = await runResolution(request('base', { base: { debian: { suite: 'trixie' } }, packages: MANAGERS }));
  if (answer.ok) debian = answer.resolved.arch.amd64?.base[0] as LayerRef;
  else if (answer.code === 'SOURCE_MISSING' || /mirror|network/.test(answer.message)) missing = answer.message;
  else throw new Error(`${answer.code}: ${answer.message}`);
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach((ctx) => {
  if (missing !== undefined) ctx.skip(missing);
});

function request(name: string, bowl: Record<string, unknown>, parts: Partial<RunRequest> = {}): RunRequest {
  return { bowlFolder: path.join(folder, name), workFolder: path.join(folder, 'work'), bowl, ...parts };
}

/** A bowl folder whose base image is the Debian root with files on top. */
async function makeBase(name: string, files: Record<string, string | Uint8Array>): Promise<void> {
  const root = path.join(folder, `${name}-root`);
  for (const [file, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), content);
  }
  const tar = path.join(folder, `${name}.tar`);
  await tool('tar', '--create', '--sort=name', '--owner=0', '--group=0', `--file=${tar}`, `--directory=${root}`, '.');
  const top = await ingestLayer({ source: { kind: 'file', path: tar }, origin: name }, store);
  await writeLayout(path.join(folder, name, 'image'), [debian, top], 'amd64', store);
}

const bowlWith = (...packages: string[]) => ({ base: { image: 'oci:image:latest' }, packages });

function packagesOf(answer: RunAnswer): LockedSource {
  if (!answer.ok) throw new Error(`${answer.code}: ${answer.message}`);
  const locked = answer.resolved.lock.arch.amd64?.packages;
  if (locked === undefined) throw new Error('no packages layer');
  return locked;
}

async function hasFile(locked: LockedSource, file: string): Promise<boolean> {
  const layers = locked.layers.map(({ diffId, size }) => ({ diffId, size, origin: 'packages' }));
  const tree = await readTree(layers, { store, limits: DEFAULT_LAYER_LIMITS });
  return findNode(tree, file, { follow: false }) !== undefined;
}

/** A Debian archive: `name` at `version`, depending on what is named. */
async function makeDeb(name: string, version: string, depends = ''): Promise<{ file: string; stanza: string }> {
  const root = path.join(folder, `deb-${name}-${version}`);
  await mkdir(path.join(root, 'DEBIAN'), { recursive: true, mode: 0o755 });
  await mkdir(path.join(root, 'opt', name), { recursive: true });
  await writeFile(path.join(root, 'opt', name, 'hello'), `${name} ${version}\n`);
  const control = `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: Test <test@example.org>\n${depends === '' ? '' : `Depends: ${depends}\n`}Description: test\n`;
  await writeFile(path.join(root, 'DEBIAN/control'), control);
  const file = path.join(folder, `${name}_${version}_all.deb`);
  await tool('dpkg-deb', '--root-owner-group', '--build', root, file);
  const bytes = await readFile(file);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { file, stanza: `${control}Filename: ./${path.basename(file)}\nSize: ${bytes.length}\nSHA256: ${sha256}\n` };
}

/** Serves a flat repository; `stanzas` may be changed while it runs. */
async function serve(stanzas: () => string): Promise<{ server: Server; url: string }> {
  const server = createServer((incoming, outgoing) => {
    const name = path.basename(incoming.url ?? '');
    if (name === 'Packages') outgoing.end(stanzas());
    else if (name.endsWith('.deb'))
      readFile(path.join(folder, name)).then(
        (data) => outgoing.end(data),
        () => outgoing.destroy(),
      );
    else outgoing.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

describe('packages:', () => {
  it('through apt: one layer, versions locked, made again the same, and refused when the mirror moved on', async () => {
    const lib = await makeDeb('tinylib', '1.0');
    const one = await makeDeb('tiny', '1.0', 'tinylib');
    const two = await makeDeb('tiny', '2.0', 'tinylib');
    let served = [lib, one];
    const { server, url } = await serve(() => served.map(({ stanza }) => stanza).join('\n'));
    try {
      await makeBase('apt', { 'etc/apt/sources.list': `deb [trusted=yes] ${url} ./\n` });
      const first = await runResolution(request('apt', bowlWith('tiny')));
      const locked = packagesOf(first);
      expect(locked.packages).toEqual({ tiny: '1.0', tinylib: '1.0' });
      expect(locked.layers).toHaveLength(1);
      expect(await hasFile(locked, 'opt/tiny/hello')).toBe(true);
      for (const leftover of ['usr/sbin/policy-rc.d', 'var/log/dpkg.log', 'var/lib/apt/lists/partial'])
        expect([leftover, await hasFile(locked, leftover)]).toEqual([leftover, false]);

      if (!first.ok) return;
      const again = { lock: first.resolved.lock, locked: true };
      served = [lib, one, two];
      await store.remove(locked.layers[0]?.diffId as `sha256:${string}`);
      expect(packagesOf(await runResolution(request('apt', bowlWith('tiny'), again)))).toEqual(locked);

      served = [lib, two];
      await store.remove(locked.layers[0]?.diffId as `sha256:${string}`);
      expect(await runResolution(request('apt', bowlWith('tiny'), again))).toMatchObject({
        ok: false,
        code: 'SOURCE_CHANGED',
        message: expect.stringContaining('tiny 1.0 became 2.0'),
        hint: expect.stringContaining('--update'),
      });
      const updated = await runResolution(
        request('apt', bowlWith('tiny'), { lock: first.resolved.lock, update: true }),
      );
      expect(packagesOf(updated).packages).toEqual({ tiny: '2.0', tinylib: '1.0' });
    } finally {
      server.close();
    }
  });

  it('names a package the repositories do not have', async () => {
    await makeBase('unknown', { 'etc/apt/sources.list': '' });
    expect(await runResolution(request('unknown', bowlWith('no-such-package')))).toMatchObject({
      ok: false,
      code: 'PACKAGES_FAILED',
      message: expect.stringMatching(/no-such-package/),
    });
  });

  it.for([
    ['dnf', 'fedora', 'etc/yum.repos.d/tiny.repo'],
    ['zypper', 'opensuse-leap', 'etc/zypp/repos.d/tiny.repo'],
  ] as const)('through %s', async ([name, id, repository], ctx) => {
    const rpm = await makeRpmRepository();
    if (rpm === undefined) return ctx.skip('rpmbuild or createrepo_c is not installed');
    await makeBase(name, {
      ...rpm,
      'etc/os-release': `ID=${id}\nVERSION_ID=1\n`,
      'etc/dnf/vars/releasever': '1\n',
      [repository]: '[tiny]\nname=tiny\nbaseurl=file:///srv/repository\nenabled=1\ngpgcheck=0\n',
    });
    const locked = packagesOf(await runResolution(request(name, bowlWith('tiny'))));
    expect(locked.packages).toEqual({ tiny: '1.0-1.noarch' });
    expect(await hasFile(locked, 'opt/tiny/hello')).toBe(true);
  });

  it('through pacman', async () => {
    await makeBase('pacman', {
      ...(await makePacmanRepository()),
      'etc/os-release': 'ID=arch\n',
      // Without any package, pacman calls a list a failure; no real Arch is so empty.
      'var/lib/pacman/local/ALPM_DB_VERSION': '9\n',
      'var/lib/pacman/local/filesystem-1-1/desc':
        '%NAME%\nfilesystem\n\n%VERSION%\n1-1\n\n%INSTALLDATE%\n1700000000\n\n',
      'var/lib/pacman/local/filesystem-1-1/files': '',
      'etc/pacman.conf': '[options]\nArchitecture = auto\nSigLevel = Never\n[tiny]\nServer = file:///srv/repository\n',
    });
    const locked = packagesOf(await runResolution(request('pacman', bowlWith('tiny'))));
    expect(locked.packages).toEqual({ tiny: '1.0-1' });
    expect(await hasFile(locked, 'opt/tiny/hello')).toBe(true);
  });
});

async function readFolder(root: string, target: string): Promise<Record<string, Uint8Array>> {
  const names = new TextDecoder()
    .decode(await tool('find', root, '-type', 'f', '-printf', '%P\n'))
    .trim()
    .split('\n');
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [`${target}/${name}`, await readFile(path.join(root, name))] as const)),
  );
}

/** A repository with the one package `tiny`. */
async function makeRpmRepository(): Promise<Record<string, Uint8Array> | undefined> {
  if (!existsSync('/usr/bin/rpmbuild') || !existsSync('/usr/bin/createrepo_c')) return undefined;
  const root = path.join(folder, 'rpm');
  const spec = path.join(folder, 'tiny.spec');
  await writeFile(
    spec,
    'Name: tiny\nVersion: 1.0\nRelease: 1\nSummary: test\nLicense: none\nBuildArch: noarch\n%description\ntest\n%install\nmkdir -p %{buildroot}/opt/tiny\necho hello > %{buildroot}/opt/tiny/hello\n%files\n/opt/tiny\n',
  );
  await tool(
    'rpmbuild',
    '--quiet',
    '--define',
    `_topdir ${folder}/rpmbuild`,
    '--define',
    `_rpmdir ${root}`,
    '-bb',
    spec,
  );
  await tool('createrepo_c', '--quiet', root);
  return readFolder(root, 'srv/repository');
}

/** A repository with the one package `tiny`, as repo-add(8) and makepkg(8) would write it. */
async function makePacmanRepository(): Promise<Record<string, Uint8Array>> {
  const content = path.join(folder, 'pacman-content');
  await mkdir(path.join(content, 'opt/tiny'), { recursive: true });
  await writeFile(path.join(content, 'opt/tiny/hello'), 'hello\n');
  await writeFile(
    path.join(content, '.PKGINFO'),
    'pkgname = tiny\npkgbase = tiny\npkgver = 1.0-1\npkgdesc = test\nbuilddate = 1\nsize = 6\narch = any\n',
  );
  const file = path.join(folder, 'tiny-1.0-1-any.pkg.tar.gz');
  await tool(
    'tar',
    '--create',
    '--gzip',
    '--owner=0',
    '--group=0',
    `--file=${file}`,
    `--directory=${content}`,
    '.PKGINFO',
    'opt',
  );
  const bytes = await readFile(file);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const database = path.join(folder, 'pacman-database');
  await mkdir(path.join(database, 'tiny-1.0-1'), { recursive: true });
  const fields = {
    FILENAME: path.basename(file),
    NAME: 'tiny',
    BASE: 'tiny',
    VERSION: '1.0-1',
    DESC: 'test',
    CSIZE: bytes.length,
    ISIZE: 6,
    SHA256SUM: sha256,
    ARCH: 'any',
    BUILDDATE: 1,
  };
  const desc = Object.entries(fields)
    .map(([key, value]) => `%${key}%\n${value}\n\n`)
    .join('');
  await writeFile(path.join(database, 'tiny-1.0-1/desc'), desc);
  await tool('tar', '--create', '--gzip', `--file=${folder}/tiny.db`, `--directory=${database}`, 'tiny-1.0-1');
  return {
    'srv/repository/tiny.db': await readFile(path.join(folder, 'tiny.db')),
    [`srv/repository/${path.basename(file)}`]: bytes,
  };
}
