import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { nodeHost, type RunningProcess } from '@bowline/host';
import {
  createRegistry,
  type LayoutReference,
  openImageSource,
  parseImageReference,
  pushLayoutImage,
  type Registry,
  type RegistryOptions,
  type RegistryReference,
  writeOciLayout,
} from '@bowline/oci';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../packages/oci/src/digest.ts';
import { collect, describeImageSource } from '../../packages/oci/src/testing/image-source-contract.ts';
import { makeBytes, makeSampleLayers, makeTar } from '../../packages/oci/src/testing/sample-image.ts';

/** bcrypt of the password below; the registry takes no other kind. */
const PASSWORD = 'swordfish';
const HTPASSWD = 'joe:$2b$04$595HW8BVvxS1vrKoGT5QJufRjcQCDvxWgV0.aBaPc3YogZ9HlRYCu\n';
const TOOLS = ['docker-registry', 'skopeo'];
const AMD64 = { architecture: 'amd64' };
const MIB = 2 ** 20;

const host = nodeHost();
const missing = await findMissing(TOOLS);
let work = '';
let address = '';
let server: RunningProcess | undefined;

async function findMissing(tools: readonly string[]): Promise<string[]> {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = await Promise.all(
    tools.map(async (tool) => {
      const hits = await Promise.allSettled(folders.map((folder) => access(join(folder, tool))));
      return hits.some((hit) => hit.status === 'fulfilled');
    }),
  );
  return tools.filter((_, index) => !found[index]);
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done) => probe.listen(0, '127.0.0.1', done));
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return port;
}

beforeAll(async () => {
  if (missing.length > 0) return;
  work = await mkdtemp(join(tmpdir(), 'registry-test-'));
  address = `127.0.0.1:${await freePort()}`;
  await writeFile(join(work, 'htpasswd'), HTPASSWD);
  const config = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(work, 'data') }, delete: { enabled: true } },
    http: { addr: address, secret: 'of-a-test' },
    auth: { htpasswd: { realm: 'test', path: join(work, 'htpasswd') } },
  };
  // JSON is YAML.
  await writeFile(join(work, 'config.yml'), JSON.stringify(config));
  server = host.processes.spawn({ argv: ['docker-registry', 'serve', join(work, 'config.yml')], timeoutMs: 600_000 });
  for (let tries = 0; ; tries += 1) {
    if (
      await fetch(`http://${address}/v2/`).then(
        (reply) => reply.status === 401,
        () => false,
      )
    )
      return;
    if (tries > 300) throw new Error('the registry does not come up');
    await delay(100);
  }
});

afterAll(async () => {
  await server?.kill();
  if (work !== '') await rm(work, { recursive: true, force: true });
});

function client(options: Partial<RegistryOptions> = {}): Registry {
  return createRegistry({
    host,
    plainHttpRegistries: [address],
    credentials: async () => ({ kind: 'basic', username: 'joe', password: PASSWORD }),
    ...options,
    limits: { retryBaseMs: 10, ...options.limits },
  });
}

async function makeLayout(name: string, layers = makeSampleLayers()): Promise<LayoutReference> {
  const folder = join(work, name);
  await writeOciLayout({
    folder,
    tag: 'v1',
    image: { architecture: 'amd64', config: { Cmd: ['/bin/true'] } },
    layers: layers.map(({ mediaType, diffId, blob }) => ({
      mediaType,
      diffId,
      open: async function* () {
        yield blob;
      },
    })),
  });
  return { kind: 'oci-layout', folder, tag: 'v1' };
}

function refer(repository: string, tag = '1'): RegistryReference {
  return { kind: 'registry', registry: address, repository, tag };
}

async function skopeo(...args: string[]): Promise<string> {
  const result = await host.processes.run({
    argv: ['skopeo', ...args],
    stdout: { kind: 'capture' },
    timeoutMs: 120_000,
    maxCaptureBytes: MIB,
  });
  return new TextDecoder().decode(result.stdout);
}

/** A `fetch` that changes what happens to PATCH requests. */
function patchedFetch(onPatch: (count: number, send: () => Promise<Response>) => Promise<Response>): typeof fetch {
  let count = 0;
  return (input, init) => {
    if (init?.method !== 'PATCH') return fetch(input, init);
    count += 1;
    return onPatch(count, () => fetch(input, init));
  };
}

function makeBlob(seed: number) {
  const bytes = makeBytes(3 * MIB, seed);
  const open = async function* (offset: number) {
    yield bytes.subarray(offset);
  };
  return { bytes, upload: { digest: digestOf(bytes), size: bytes.length, open } };
}

describe.skipIf(missing.length > 0)('a real registry', () => {
  describeImageSource('real registry', async () => {
    const layers = makeSampleLayers();
    const from = await makeLayout(`contract-${performance.now()}`, layers);
    await pushLayoutImage(client(), from, refer('contract/image'), AMD64);
    return {
      source: openImageSource(refer('contract/image'), client()),
      layers,
      damage: async (index) => {
        const hex = digestOf(layers[index]?.blob ?? new Uint8Array(0)).slice(7);
        const path = join(work, 'data/docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
        const blob = Uint8Array.from(layers[index]?.blob ?? []);
        blob[600] = (blob[600] ?? 0) ^ 1;
        await writeFile(path, blob);
      },
    };
  });

  it('shows skopeo the image we pushed', async () => {
    const layers = [makeTar({ 'etc/fresh': Buffer.from('pushed by us') })].map((tar) => ({
      tar,
      blob: tar,
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      diffId: digestOf(tar),
    }));
    const digest = await pushLayoutImage(client(), await makeLayout('ours', layers), refer('ours'), AMD64);
    const shown = JSON.parse(
      await skopeo('inspect', '--tls-verify=false', '--creds', `joe:${PASSWORD}`, `docker://${address}/ours:1`),
    );
    expect(shown).toMatchObject({ Digest: digest, Architecture: 'amd64', Layers: layers.map((layer) => layer.diffId) });
  });

  it('pulls what skopeo pushed, in Docker format too, and reads its docker-archive and layout', async () => {
    const layers = ['one', 'two'].map((word) => {
      const tar = makeTar({ [`etc/${word}`]: Buffer.from(word) });
      return { tar, blob: tar, mediaType: 'application/vnd.oci.image.layer.v1.tar', diffId: digestOf(tar) };
    });
    const from = await makeLayout('theirs', layers);
    const to = `docker://${address}/theirs`;
    const login = ['--dest-tls-verify=false', '--dest-creds', `joe:${PASSWORD}`];
    await skopeo('--insecure-policy', 'copy', ...login, '--format', 'v2s2', `oci:${from.folder}:v1`, `${to}:docker`);
    await skopeo('--insecure-policy', 'copy', ...login, '--format', 'oci', `oci:${from.folder}:v1`, `${to}:oci`);
    await skopeo(
      '--insecure-policy',
      'copy',
      `oci:${from.folder}:v1`,
      `docker-archive:${join(work, 'theirs.tar')}:a/b:1`,
    );
    await skopeo('--insecure-policy', 'copy', `oci:${from.folder}:v1`, `oci:${join(work, 'copied')}:x`);
    const places = [
      `${address}/theirs:docker`,
      `${address}/theirs:oci`,
      `docker-archive:${join(work, 'theirs.tar')}:a/b:1`,
      `oci:${join(work, 'copied')}:x`,
    ];
    for (const place of places) {
      const source = openImageSource(parseImageReference(place), client());
      const image = await source.resolve(AMD64);
      expect(image.layers.map((layer) => layer.diffId)).toEqual(layers.map((layer) => layer.diffId));
      for (const layer of image.layers) expect(digestOf(await collect(source.openLayer(layer)))).toBe(layer.digest);
    }
  });

  it('finds the login in the docker configuration, and says so when there is none', async () => {
    await pushLayoutImage(client(), await makeLayout('login'), refer('login'), AMD64);
    await writeFile(
      join(work, 'config.json'),
      JSON.stringify({ auths: { [address]: { auth: Buffer.from(`joe:${PASSWORD}`).toString('base64') } } }),
    );
    const open = (env: Record<string, string>) =>
      openImageSource(refer('login'), createRegistry({ host: { ...host, env }, plainHttpRegistries: [address] }));
    await expect(open({ DOCKER_CONFIG: work }).resolve(AMD64)).resolves.toBeDefined();
    await expect(open({}).resolve(AMD64)).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      hint: expect.stringContaining(`docker login ${address}`),
    });
  });

  it('continues an upload where it broke', async () => {
    const { bytes, upload } = makeBlob(7);
    const patches = patchedFetch(async (count, send) => {
      if (count === 2)
        throw new TypeError('fetch failed', { cause: Object.assign(new Error('gone'), { code: 'ECONNRESET' }) });
      const reply = await send();
      // The registry has it, but the answer is lost: the client must ask instead of sending it again.
      if (count === 3)
        throw new TypeError('fetch failed', { cause: Object.assign(new Error('gone'), { code: 'ECONNRESET' }) });
      return reply;
    });
    const registry = client({ host: { ...host, fetch: patches }, limits: { retryBaseMs: 10, uploadChunkBytes: MIB } });
    expect(await registry.pushBlob(address, 'broken', upload)).toBe('uploaded');
    expect(await registry.pushBlob(address, 'broken', upload)).toBe('exists');
    expect(digestOf(await collect(client().openBlob(address, 'broken', upload)))).toBe(digestOf(bytes));
  });

  it('sends all at once where chunks are refused, and mounts what the registry has', async () => {
    const { upload } = makeBlob(8);
    const refusing = patchedFetch(async () => new Response(null, { status: 405 }));
    const registry = client({ host: { ...host, fetch: refusing } });
    expect(await registry.pushBlob(address, 'whole', upload)).toBe('uploaded');
    expect(await client().pushBlob(address, 'mounted', { ...upload, mountFrom: 'whole' })).toBe('mounted');
    expect(digestOf(await collect(client().openBlob(address, 'mounted', upload)))).toBe(upload.digest);
  });

  it('explains a push the registry refuses', async () => {
    const { upload } = makeBlob(9);
    const other = { ...upload, digest: digestOf(Buffer.from('something else')) };
    await expect(client().pushBlob(address, 'refused', other)).rejects.toMatchObject({ code: 'PUSH_REFUSED' });
    const bytes = Buffer.from('{"schemaVersion":2}');
    await expect(
      client().pushManifest(address, 'refused', { reference: '1', mediaType: 'text/plain', bytes }),
    ).rejects.toMatchObject({ code: 'PUSH_REFUSED' });
  });
});

describe('the registry test', () => {
  it('has its tools', (ctx) => {
    if (missing.length > 0) ctx.skip(`not installed: ${missing.join(', ')}`);
    expect(missing).toEqual([]);
  });
});
