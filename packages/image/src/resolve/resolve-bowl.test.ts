import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { encodeHeader, NO_XATTRS, TAR_END, tarPadding } from '@bowline/formats';
import { LocalBlobStore, nodeHost, type TaskProgress } from '@bowline/host';
import { Bowl, type BowlLock } from '@bowline/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_LAYER_LIMITS } from '../sources/source.ts';
import { type ResolveOptions, resolveBowl } from './resolve-bowl.ts';

let folder: string;
let store: LocalBlobStore;
const warnings: string[] = [];
const progress: TaskProgress = {
  bytes: () => undefined,
  note: () => undefined,
  warn: (message) => void warnings.push(message),
  task: (_title, work) => work(progress),
};

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'resolve-'));
  await mkdir(path.join(folder, 'bowl'));
  store = await LocalBlobStore.open(path.join(folder, 'store'));
  await writeTar('vendor.tar', { 'etc/os-release': 'ID=vendor\n' });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function writeTar(name: string, files: Record<string, string>): Promise<void> {
  const parts: Uint8Array[] = [];
  for (const [file, text] of Object.entries(files)) {
    const content = new TextEncoder().encode(text);
    const owner = { mode: 0o644, uid: 0, gid: 0, mtime: 0, deviceMajor: 0, deviceMinor: 0, xattrs: NO_XATTRS };
    parts.push(encodeHeader({ path: file, type: 'file', size: content.length, linkname: '', ...owner }));
    parts.push(content, new Uint8Array(tarPadding(content.length)));
  }
  await writeFile(path.join(folder, 'bowl', name), Buffer.concat([...parts, TAR_END]));
}

function resolve(bowl: Record<string, unknown>, lock?: BowlLock, parts: Partial<ResolveOptions> = {}) {
  const document = { apiVersion: 'bowline/v1', name: 'test', version: '1', base: { rootfs: 'vendor.tar' }, ...bowl };
  return resolveBowl({
    bowl: Bowl.parse(document),
    bowlFolder: path.join(folder, 'bowl'),
    lock,
    locked: false,
    offline: false,
    update: false,
    host: nodeHost(),
    store,
    scratch: folder,
    limits: DEFAULT_LAYER_LIMITS,
    plainHttpRegistries: [],
    toolbox: () => Promise.reject(new Error('no toolbox is needed here')),
    progress,
    signal: new AbortController().signal,
    ...parts,
  });
}

describe('resolveBowl', () => {
  it('pins a local tar, and changes nothing the second time', async () => {
    const first = await resolve({});
    expect(first.changes).toEqual(['there is no bowl.lock yet']);
    expect(first.lock.arch.amd64?.base).toMatchObject({ kind: 'rootfs', origin: 'rootfs vendor.tar' });
    expect(first.arch.amd64?.base).toHaveLength(1);
    const second = await resolve({}, first.lock, { locked: true, offline: true });
    expect(second.lock).toEqual(first.lock);
    expect(second.changes).toEqual([]);
  });

  it('lists every difference in words when the lock is not to change', async () => {
    const bowl = { files: [{ path: '/etc/motd', source: 'motd' }] };
    await writeFile(path.join(folder, 'bowl/motd'), 'one');
    const { lock } = await resolve(bowl);
    await writeFile(path.join(folder, 'bowl/motd'), 'two');
    await writeTar('vendor.tar', { 'etc/os-release': 'ID=other\n' });
    const changed = resolve({ ...bowl, arch: ['amd64', 'arm64'], packages: ['curl'] }, lock, { locked: true });
    await expect(changed).rejects.toMatchObject({
      code: 'LOCK_STALE',
      details: {
        differences: [
          'file motd has other content',
          'amd64 base: rootfs vendor.tar has other content or options',
          'amd64 packages: packages curl is new',
          'arm64 is not in the lock',
        ],
      },
    });
  });

  it('keeps the pins of architectures that are not built now, slot sizes and parts, and drops those no longer named', async () => {
    const both = { arch: ['amd64', 'arm64'] };
    const { lock } = await resolve(both);
    const arm64 = lock.arch.arm64 as NonNullable<typeof lock.arch.arm64>;
    const digest = `sha256:${'0'.repeat(64)}` as const;
    const pinned: BowlLock = {
      ...lock,
      arch: { ...lock.arch, arm64: { ...arm64, slotBytes: 42, bowline: { initrd: digest } } },
    };
    const only = await resolve(both, pinned, { arch: ['amd64'] });
    expect([only.lock, only.changes]).toEqual([pinned, []]);
    const again = await resolve(both, pinned);
    expect(again.lock).toEqual(pinned);
    const dropped = await resolve({}, pinned);
    expect([Object.keys(dropped.lock.arch), dropped.changes]).toEqual([['amd64'], ['arm64 is no longer asked for']]);
  });

  it('says that a part of Bowline is another one now', async () => {
    const part = (digit: string) => async () => ({ initrd: `sha256:${digit.repeat(64)}` as const });
    const { lock } = await resolve({}, undefined, { bowlineParts: part('1') });
    expect((await resolve({}, lock, { bowlineParts: part('2') })).changes).toEqual([
      'amd64 initrd of Bowline is another',
    ]);
    await expect(resolve({}, lock, { bowlineParts: part('2'), locked: true })).rejects.toMatchObject({
      code: 'LOCK_STALE',
    });
  });

  it('answers from the store when the tar is gone but pinned', async () => {
    const { lock } = await resolve({});
    const kept = await LocalBlobStore.open(path.join(folder, 'kept'));
    const layer = lock.arch.amd64?.base.layers[0]?.diffId as `sha256:${string}`;
    await kept.ingestFile(await store.path(layer), { expected: layer });
    await rm(path.join(folder, 'bowl/vendor.tar'));
    expect((await resolve({}, lock, { store: kept, offline: true, locked: true })).lock).toEqual(lock);
    await expect(resolve({})).rejects.toThrow(/vendor\.tar does not exist/);
  });

  it('names every file of the bowl that is missing', async () => {
    const files = ['a', 'b'].map((source) => ({ path: `/etc/${source}`, source }));
    await expect(resolve({ files })).rejects.toThrow(/uses what does not exist: a, b/);
  });

  it('says that a base has no package manager', async () => {
    await expect(resolve({ packages: ['curl'] })).rejects.toMatchObject({
      code: 'PACKAGE_MANAGER_MISSING',
      message: expect.stringContaining('rootfs vendor.tar (vendor) has no package manager'),
    });
  });

  it('refuses an architecture the tar is not for', async () => {
    await expect(resolve({ base: { rootfs: { amd64: 'vendor.tar' } }, arch: ['arm64'] })).rejects.toThrow(
      /names no tar for arm64/,
    );
  });
});
