import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../digest.ts';
import { MEDIA_TYPES } from '../media-types.ts';
import { FakeRegistry, sendBlob } from '../testing/fake-registry.ts';
import { collect } from '../testing/image-source-contract.ts';
import { makeTestRegistry, serveImage } from '../testing/registry-fixture.ts';
import { makeBytes, makeSampleLayers } from '../testing/sample-image.ts';
import { createRegistrySource } from './registry-source.ts';

const MIB = 2 ** 20;
let server: FakeRegistry;
beforeEach(async () => {
  server = await FakeRegistry.start();
});
afterEach(() => server.stop());

const refer = (tag = '1') => ({ kind: 'registry', registry: server.host, repository: 'a/b', tag }) as const;
const resolve = (options: Parameters<typeof makeTestRegistry>[1] = {}) =>
  createRegistrySource(makeTestRegistry([server], options), refer()).resolve({ architecture: 'amd64' });
const pull = (blob: { digest: string; size: number }, options: Parameters<typeof makeTestRegistry>[1] = {}) =>
  collect(makeTestRegistry([server], options).openBlob(server.host, 'a/b', blob as never));

describe('manifests of a faulty registry', () => {
  it('says NOT_FOUND with the cure when repository or tag do not exist', async () => {
    await expect(resolve()).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(`${server.host}/a/b:1`),
      hint: expect.stringContaining('spelling'),
    });
  });

  it('refuses a manifest whose bytes are not those of its digest', async () => {
    const { manifests } = serveImage(server, makeSampleLayers());
    const [digest = ''] = manifests;
    const good = server.manifests.get(digest);
    server.manifests.set(digest, {
      mediaType: MEDIA_TYPES.ociManifest,
      bytes: Buffer.concat([good?.bytes ?? Buffer.of(), Buffer.from(' ')]),
    });
    await expect(resolve()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('refuses a manifest that never ends at 4 MiB', async () => {
    server.intercept = (_request, response) => {
      response.writeHead(200, { 'content-type': MEDIA_TYPES.ociManifest });
      const chunk = Buffer.alloc(MIB, 0x20);
      const pump = (): void => {
        while (!response.destroyed && response.write(chunk));
        response.once('drain', pump);
      };
      pump();
      return true;
    };
    await expect(resolve()).rejects.toMatchObject({ code: 'TOO_LARGE', message: expect.stringContaining('4194304') });
  });

  it('recognises a web page where JSON should be', async () => {
    server.putManifest('text/html', new TextEncoder().encode('<!DOCTYPE html><p>Please log in'), '1');
    await expect(resolve()).rejects.toMatchObject({
      code: 'MANIFEST_INVALID',
      message: expect.stringContaining('web page'),
    });
  });

  it.each([
    ['schema 1', { schemaVersion: 1, fsLayers: [] }],
    ['an index and an image at once', { schemaVersion: 2, manifests: [], layers: [], config: {} }],
    [
      'a negative size',
      { schemaVersion: 2, config: { mediaType: 'x', digest: `sha256:${'0'.repeat(64)}`, size: -1 }, layers: [] },
    ],
    [
      'another digest algorithm',
      { schemaVersion: 2, config: { mediaType: 'x', digest: 'md5:00', size: 1 }, layers: [] },
    ],
    ['a list', []],
  ])('refuses %s', async (_name, document) => {
    server.putManifest(MEDIA_TYPES.ociManifest, document, '1');
    await expect(resolve()).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
  });

  it('ends on an index that contains itself more often than allowed', async () => {
    let child = server.putManifest(MEDIA_TYPES.ociIndex, { schemaVersion: 2, manifests: [] });
    for (let depth = 0; depth < 10; depth += 1) {
      child = server.putManifest(MEDIA_TYPES.ociIndex, { schemaVersion: 2, manifests: [child] }, '1');
    }
    await expect(resolve()).rejects.toMatchObject({
      code: 'MANIFEST_INVALID',
      message: expect.stringContaining('nests'),
    });
  });

  it('sees one state of a tag that moves during the pull', async () => {
    const layers = makeSampleLayers();
    const before = serveImage(server, layers.slice(0, 1));
    const source = createRegistrySource(makeTestRegistry([server]), refer());
    const amd64 = await source.resolve({ architecture: 'amd64' });
    serveImage(server, layers.slice(1));
    const arm64 = await source.resolve({ architecture: 'arm64' });
    expect([amd64.manifestDigest, arm64.manifestDigest]).toEqual(before.manifests);
    expect(server.seen.filter((request) => request.path.endsWith('/manifests/1'))).toHaveLength(1);
  });
});

describe('blobs of a faulty registry', () => {
  const content = makeBytes(3 * MIB);
  const wish = { digest: digestOf(content), size: content.length };

  it('resumes with Range where the connection dropped', async () => {
    server.putBlob(content);
    let drops = 3;
    server.intercept = (request, response) => {
      if (drops === 0) return false;
      drops -= 1;
      const start = Number(/[0-9]+/.exec(request.headers.range ?? '0')?.[0]);
      sendBlob(request, response, content, start + 500_000);
      return true;
    };
    expect(digestOf(await pull(wish))).toBe(wish.digest);
    const ranges = server.seen.map((request) => request.headers.range);
    expect(ranges).toHaveLength(4);
    expect(ranges[0]).toBeUndefined();
    expect(ranges.slice(1).every((range) => /^bytes=[1-9][0-9]*-$/.test(range ?? ''))).toBe(true);
  });

  it('does not deliver bytes twice when the registry knows no ranges', async () => {
    let first = true;
    server.intercept = (request, response) => {
      delete request.headers.range;
      sendBlob(request, response, content, first ? 700_000 : content.length);
      first = false;
      return true;
    };
    expect(digestOf(await pull(wish))).toBe(wish.digest);
  });

  it('says TRUNCATED when the registry has only a part', async () => {
    server.blobs.set(wish.digest, content.subarray(0, MIB + 1));
    await expect(pull(wish)).rejects.toMatchObject({
      code: 'TRUNCATED',
      message: expect.stringContaining(`${MIB + 1} of the ${wish.size}`),
    });
  });

  it('refuses a flipped bit and wrong content', async () => {
    const flipped = Uint8Array.from(content);
    flipped[MIB] = (flipped[MIB] ?? 0) ^ 4;
    server.blobs.set(wish.digest, flipped);
    await expect(pull(wish)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('refuses content longer than promised without reading it to the end', async () => {
    server.blobs.set(wish.digest, Buffer.concat([content, content]));
    await expect(pull(wish)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: expect.stringContaining('longer'),
    });
  });

  it('gives up on a silent and on a trickling connection, and resumes after one', async () => {
    server.putBlob(content);
    let stalls = 2;
    server.intercept = (request, response) => {
      if (stalls === 0) return false;
      stalls -= 1;
      response.writeHead(request.headers.range === undefined ? 200 : 206, {
        'content-range': `bytes ${/[0-9]+/.exec(request.headers.range ?? '0')?.[0]}-${wish.size - 1}/${wish.size}`,
      });
      const start = Number(/[0-9]+/.exec(request.headers.range ?? '0')?.[0]);
      response.write(content.subarray(start, start + 1));
      if (stalls === 0) return true;
      let sent = 1;
      const timer = setInterval(() => {
        response.write(content.subarray(start + sent, start + sent + 1));
        sent += 1;
      }, 20);
      response.on('close', () => clearInterval(timer));
      return true;
    };
    expect(digestOf(await pull(wish))).toBe(wish.digest);
    stalls = 99;
    await expect(pull(wish, { limits: { maxAttempts: 2, stallTimeoutMs: 100 } })).rejects.toMatchObject({
      code: 'TRUNCATED',
    });
  });

  it('honours Retry-After, and does not wait longer than it should', async () => {
    server.putBlob(content);
    const waits: number[] = [];
    const sleep = async (ms: number): Promise<void> => {
      waits.push(ms);
    };
    let refusals = 2;
    server.intercept = (_request, response) => {
      refusals -= 1;
      if (refusals < 0) return false;
      response.writeHead(refusals === 1 ? 429 : 503, { 'retry-after': refusals === 1 ? '7' : '3' }).end();
      return true;
    };
    expect(digestOf(await pull(wish, { sleep }))).toBe(wish.digest);
    expect(waits).toEqual([7000, 3000]);
    server.intercept = (_request, response) => {
      response.writeHead(429, { 'retry-after': '86400' }).end();
      return true;
    };
    await expect(pull(wish, { sleep })).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      message: expect.stringContaining('86400 s'),
    });
  });

  it('asks mirrors first and goes on at the registry when one fails', async () => {
    const mirror = await FakeRegistry.start();
    try {
      server.putBlob(content);
      let calls = 0;
      mirror.intercept = (request, response) => {
        calls += 1;
        if (calls === 1) sendBlob(request, response, content, 900_000);
        else response.writeHead(404).end();
        return true;
      };
      const mirrors = { [server.host]: [`${mirror.host}/cache`] };
      const registry = makeTestRegistry([server, mirror], { mirrors });
      const whole = await collect(registry.openBlob(server.host, 'a/b', wish));
      expect(digestOf(whole)).toBe(wish.digest);
      expect(mirror.seen[0]?.path).toMatch(/^\/v2\/cache\/a\/b\/blobs\//);
      expect(server.seen[0]?.headers.range).toMatch(/^bytes=[1-9]/);
    } finally {
      await mirror.stop();
    }
  });
});

describe('reaching a registry', () => {
  it('refuses plain HTTP, on loopback too, unless asked for', async () => {
    const { host } = server;
    const registry = makeTestRegistry([]);
    await expect(registry.fetchManifest(host, 'a', '1')).rejects.toMatchObject({
      code: 'PLAIN_HTTP_REFUSED',
      hint: expect.stringContaining(`--plain-http ${host}`),
    });
    expect(server.seen).toHaveLength(0);
  });

  it('says that nobody listens', async () => {
    const probe = createServer();
    await new Promise<void>((done) => probe.listen(0, '127.0.0.1', done));
    const { port } = probe.address() as AddressInfo;
    await new Promise((done) => probe.close(done));
    const host = `127.0.0.1:${port}`;
    await expect(
      makeTestRegistry([], { plainHttpRegistries: [host] }).fetchManifest(host, 'a', '1'),
    ).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('refused'),
    });
  });

  it('tells an unknown name at once', async () => {
    const sleep = () => Promise.reject(new Error('must not wait'));
    await expect(makeTestRegistry([], { sleep }).fetchManifest('registry.invalid', 'a', '1')).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
    });
  });

  it('ends a circle of redirects', async () => {
    server.intercept = (request, response) => {
      response.writeHead(307, { location: request.url }).end();
      return true;
    };
    await expect(resolve()).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('redirects'),
    });
  });

  it('does not follow a redirect to plain HTTP of a host nobody named', async () => {
    const other = await FakeRegistry.start();
    try {
      server.intercept = (_request, response) => {
        response.writeHead(302, { location: `http://${other.host}/secret` }).end();
        return true;
      };
      await expect(resolve()).rejects.toMatchObject({ code: 'PLAIN_HTTP_REFUSED' });
      expect(other.seen).toHaveLength(0);
    } finally {
      await other.stop();
    }
  });
});
