import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalBlobStore, nodeHost } from '../../packages/host/src/index.ts';
import { resolveBowl } from '../../packages/image/src/resolve/resolve-bowl.ts';
import { DEFAULT_LAYER_LIMITS } from '../../packages/image/src/sources/source.ts';
import { FakeRegistry } from '../../packages/oci/src/testing/fake-registry.ts';
import { serveImage } from '../../packages/oci/src/testing/registry-fixture.ts';
import { makeSampleLayers } from '../../packages/oci/src/testing/sample-image.ts';
import { type Arch, Bowl, type BowlLock } from '../../packages/spec/src/index.ts';
import { silentProgress } from './sources-runner.ts';

let folder: string;
let registry: FakeRegistry;
let store: LocalBlobStore;
const layers = makeSampleLayers();

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sources-image-'));
  registry = await FakeRegistry.start();
  store = await LocalBlobStore.open(path.join(folder, 'store'));
});
afterEach(async () => {
  await registry.stop();
  await rm(folder, { recursive: true, force: true });
});

function resolve(lock?: BowlLock, parts: { arch?: Arch[]; offline?: boolean; update?: boolean } = {}) {
  const base = { image: `${registry.host}/vendor/base:1` };
  return resolveBowl({
    bowl: Bowl.parse({ apiVersion: 'bowline/v1', name: 'test', version: '1', arch: parts.arch ?? ['amd64'], base }),
    bowlFolder: folder,
    lock,
    locked: false,
    offline: parts.offline ?? false,
    update: parts.update ?? false,
    host: nodeHost(),
    store,
    scratch: folder,
    limits: DEFAULT_LAYER_LIMITS,
    plainHttpRegistries: [registry.host],
    toolbox: () => Promise.reject(new Error('no toolbox is needed here')),
    progress: silentProgress([]),
    signal: new AbortController().signal,
  });
}

const diffIds = (lock: BowlLock) => lock.arch.amd64?.base.layers.map(({ diffId }) => diffId);

describe('an image: base of a registry', () => {
  it('is pinned by manifest and layers, plain, gzip and zstd ones, for every architecture', async () => {
    const { manifests } = serveImage(registry, layers);
    const { lock } = await resolve(undefined, { arch: ['amd64', 'arm64'] });
    expect(diffIds(lock)).toEqual(layers.map(({ diffId }) => diffId));
    expect([lock.arch.amd64?.base.manifest, lock.arch.arm64?.base.manifest]).toEqual(manifests);
    expect(lock.arch.amd64?.base.layers[1]?.blob).toMatchObject({ size: layers[1]?.blob.length });
  });

  it('sees one index of the tag for all architectures, though the tag moves between them', async () => {
    const { manifests } = serveImage(registry, layers);
    registry.intercept = (_request, _response, url) => {
      // As soon as the first image is asked for, the tag names another one.
      if (url.pathname.endsWith(manifests[0] as string)) serveImage(registry, layers.slice(1));
      return false;
    };
    const { lock } = await resolve(undefined, { arch: ['amd64', 'arm64'] });
    expect(lock.arch.arm64?.base.manifest).toBe(manifests[1]);
  });

  it('keeps to its pin when the tag moves, and follows it with --update', async () => {
    serveImage(registry, layers);
    const { lock } = await resolve();
    serveImage(registry, layers.slice(0, 2));
    const asked = registry.seen.length;
    expect((await resolve(lock)).lock).toEqual(lock);
    expect(registry.seen.length).toBe(asked);
    await store.remove(layers[2]?.diffId as `sha256:${string}`);
    expect((await resolve(lock)).lock).toEqual(lock);
    const updated = await resolve(lock, { update: true });
    expect(diffIds(updated.lock)).toEqual(layers.slice(0, 2).map(({ diffId }) => diffId));
    expect(updated.changes).toEqual([expect.stringContaining('has other layers')]);
  });

  it('says that the registry lost the pinned image', async () => {
    serveImage(registry, layers);
    const { lock } = await resolve();
    registry.manifests.clear();
    await store.remove(layers[0]?.diffId as `sha256:${string}`);
    await expect(resolve(lock)).rejects.toMatchObject({
      code: 'SOURCE_CHANGED',
      message: expect.stringContaining('no longer has sha256:'),
      hint: expect.stringContaining('bowline store import'),
    });
    await expect(resolve(lock, { offline: true })).rejects.toMatchObject({ code: 'OFFLINE_MISSING' });
  });

  it('keeps nothing of a layer with flipped bits', async () => {
    const damaged = Uint8Array.from(layers[1]?.blob ?? []);
    serveImage(registry, layers);
    const digest = [...registry.blobs].find(([, blob]) => blob === layers[1]?.blob)?.[0] ?? '';
    damaged[damaged.length - 1] = (damaged[damaged.length - 1] ?? 0) ^ 1;
    registry.blobs.set(digest, damaged);
    await expect(resolve()).rejects.toThrow(/layer|digest|sha256/i);
    expect(await store.has(layers[1]?.diffId as `sha256:${string}`)).toBe(false);
    expect((await readdir(folder)).sort()).toEqual(['store']);
  });
});
