import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cacheFolder } from '../../apps/cli/src/places.ts';
import { LocalBlobStore, nodeHost } from '../../packages/host/src/index.ts';
import { walkTree } from '../../packages/image/src/compose/merged-tree.ts';
import { readFileFromTree } from '../../packages/image/src/compose/read-tree.ts';
import { findKernel } from '../../packages/image/src/sources/kernel/find-kernel.ts';
import { readTree } from '../../packages/image/src/sources/part-of-tree.ts';
import { DEFAULT_LAYER_LIMITS, type LayerRef } from '../../packages/image/src/sources/source.ts';
import type { Arch } from '../../packages/spec/src/index.ts';
import { ordinaryUser } from './fixtures/ordinary-user.ts';
import { type RunAnswer, type RunRequest, runElsewhere, runResolution } from './sources-runner.ts';

const host = nodeHost();
let folder: string;
let missing: string | undefined;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sources-debian-'));
  await chmod(folder, 0o755);
  if (!existsSync('/usr/bin/mmdebstrap')) missing = 'mmdebstrap is not installed';
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach((ctx) => {
  if (missing !== undefined) ctx.skip(missing);
});

function request(work: string, bowl: Record<string, unknown>, parts: Partial<RunRequest> = {}): RunRequest {
  const toolboxCache = cacheFolder(host.env, process.cwd());
  return { bowlFolder: folder, workFolder: path.join(folder, work), bowl, toolboxCache, ...parts };
}

/** A tar with next to nothing in it, for bowls that are about something else. */
async function makeRootfs(name: string): Promise<void> {
  const root = path.join(folder, `${name}-root`);
  await mkdir(path.join(root, 'etc'), { recursive: true });
  await writeFile(path.join(root, 'etc/motd'), 'hello\n');
  const archive = path.join(folder, name);
  const argv = ['tar', '--create', '--xz', '--owner=0', '--group=0', `--file=${archive}`, `--directory=${root}`, 'etc'];
  await host.processes.run({ argv: argv as [string, ...string[]], timeoutMs: 60_000 });
}

function resolvedOf(answer: RunAnswer) {
  if (!answer.ok) throw new Error(`${answer.code}: ${answer.message}`);
  return answer.resolved;
}

async function openTree(layers: readonly LayerRef[], work: string) {
  const store = await LocalBlobStore.open(path.join(folder, work, 'store'));
  return { store, tree: await readTree(layers, { store, limits: DEFAULT_LAYER_LIMITS }) };
}

describe('a debian: base', () => {
  it('is the same bytes on another day, in another folder, with another umask and time zone', async () => {
    const bowl = { base: { debian: { suite: 'bookworm', packages: ['busybox-static'] } } };
    const first = resolvedOf(await runResolution(request('one', bowl)));
    const [umask, zone] = [process.umask(0o077), process.env['TZ']];
    process.env['TZ'] = 'Asia/Kathmandu';
    try {
      const pinned = request('two', bowl, { lock: first.lock, locked: true });
      expect(resolvedOf(await runResolution(pinned)).lock).toEqual(first.lock);
    } finally {
      process.umask(umask);
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
    const { base } = first.lock.arch.amd64 ?? {};
    expect(base).toMatchObject({ kind: 'debian', origin: 'debian bookworm minbase with busybox-static' });
    expect(base?.packages).toMatchObject({ 'busybox-static': expect.any(String), dpkg: expect.any(String) });
  });

  it('is the same bytes for root and for an ordinary user without a lock, as are the packages of the initrd', async (ctx) => {
    const user = await ordinaryUser(ctx, folder);
    const bowl = { base: { debian: { suite: 'trixie', packages: ['openssh-server'] } } };
    const asRoot = resolvedOf(await runResolution(request('as-root', bowl, { initrd: true })));
    const workFolder = path.join(user.home, 'work');
    const asUser = await runElsewhere(user.argv, request('', bowl, { workFolder, initrd: true }), user.env);
    expect(resolvedOf(asUser).lock).toEqual(asRoot.lock);
    const { tree } = await openTree(asRoot.arch.amd64?.base ?? [], 'as-root');
    const names = [...walkTree(tree)].map(({ path: name }) => name);
    expect(names).toEqual(expect.arrayContaining(['var/lib/apt/lists', 'var/cache/apt/archives']));
    expect(names.filter((name) => /^dev|^var\/(lib\/apt\/lists|cache\/apt\/archives)\/|ssh_host_/.test(name))).toEqual(
      [],
    );
  });
});

describe('a kernel and firmware from elsewhere', () => {
  it.for(['amd64', 'arm64'] as const)(
    'are one layer each, of extracted packages, with the module index made: %s',
    async (arch: Arch, ctx) => {
      await makeRootfs('base.tar.xz');
      const bowl = {
        arch: [arch],
        base: { rootfs: 'base.tar.xz' },
        kernel: { debian: { suite: 'trixie', package: `linux-image-cloud-${arch}` } },
        firmware: [{ debian: { suite: 'trixie', packages: ['firmware-linux-free'] } }],
      };
      const answer = await runResolution(request(arch, bowl));
      if (!answer.ok && answer.code === 'OFFLINE_MISSING') ctx.skip(answer.message);
      const layers = resolvedOf(answer).arch[arch];
      expect([layers?.base.length, layers?.kernel.length, layers?.firmware.length]).toEqual([1, 1, 1]);

      const base = await openTree(layers?.base ?? [], arch);
      expect(new TextDecoder().decode(await readFileFromTree(base.tree, base.store, 'etc/motd'))).toBe('hello\n');

      const { store, tree } = await openTree(layers?.kernel ?? [], arch);
      const kernel = await findKernel(tree, store, arch, 'the layer');
      expect(kernel).toMatchObject({
        arch,
        hasModuleIndex: true,
        imagePath: `usr/lib/modules/${kernel.version}/vmlinuz`,
      });
      expect(kernel.moduleFiles.length).toBeGreaterThan(100);
      const outside = [...walkTree(tree)].filter(
        ({ path: name, node }) => node.children === undefined && !name.startsWith(`usr/lib/modules/${kernel.version}/`),
      );
      expect(outside).toEqual([]);
      const index = new TextDecoder().decode(
        await readFileFromTree(tree, store, `usr/lib/modules/${kernel.version}/modules.dep`),
      );
      expect(index).toMatch(/^kernel\/.*overlay\.ko(\.xz)?:/m);

      const firmware = await openTree(layers?.firmware ?? [], arch);
      const files = [...walkTree(firmware.tree)].filter(({ node }) => node.children === undefined);
      expect(files.length).toBeGreaterThan(10);
      expect(files.every(({ path: name }) => name.startsWith('usr/lib/firmware/'))).toBe(true);
    },
  );

  it('are refused where there are none', async () => {
    await makeRootfs('base.tar.xz');
    const bowl = { base: { rootfs: 'base.tar.xz' } };
    expect(await runResolution(request('none', { ...bowl, kernel: { rootfs: 'base.tar.xz' } }))).toMatchObject({
      ok: false,
      code: 'KERNEL_MISSING',
      message: expect.stringContaining(
        'kernel of rootfs base.tar.xz has no kernel: there is no folder in /usr/lib/modules',
      ),
    });
    expect(await runResolution(request('none', { ...bowl, firmware: [{ rootfs: 'base.tar.xz' }] }))).toMatchObject({
      ok: false,
      code: 'SOURCE_MISSING',
      message: expect.stringContaining('has no firmware'),
    });
  });
});
