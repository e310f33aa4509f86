import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { HostError, nodeHost } from '@bowline/host';
import { parseReleaseDocument, parseReleaseInventory, type ReleaseDocument } from '@bowline/spec';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { bowline, bowlineJson } from './fixtures/cli.ts';
import { flipByte } from './fixtures/disk-image.ts';
import { type RegistryServer, startRegistryServer } from './fixtures/lifecycle/registry-server.ts';
import { writePinnedBowl } from './fixtures/tiny-build.ts';

/** A release as people make, move and check it, held to what tools say that know nothing of this project. */

const { processes } = nodeHost();
const TOOLS = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
let work = '';
let bowl = '';
let release = '';
let manifest: { config: Blob; layers: Blob[]; artifactType: string };
let document: ReleaseDocument;

interface Blob {
  mediaType: string;
  digest: string;
  size: number;
}
interface Verified {
  ok: boolean;
  releases: { problems: string[]; signedBy: string[]; document: ReleaseDocument }[];
}

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'bowline-release-'));
  bowl = join(work, 'bowl');
  await writePinnedBowl(bowl, 'outputs: [release]');
  await bowlineJson(['keys', 'generate', join(work, 'keys'), '--release']);
  await bowlineJson(['keys', 'generate', join(work, 'other'), '--release']);
  await build('out');
  release = join(work, 'out/tiny/tiny-1-amd64-release');
  const index = JSON.parse(await readFile(join(release, 'index.json'), 'utf8')) as { manifests: Blob[] };
  manifest = JSON.parse(await readFile(pathOf(index.manifests[0]?.digest), 'utf8'));
  document = parseReleaseDocument(await readFile(pathOf(manifest.config.digest), 'utf8'), 'the release');
});
afterAll(() => rm(work, { recursive: true, force: true }));

const build = (out: string): Promise<unknown> =>
  bowlineJson(['build', bowl, '--release-key', join(work, 'keys/release.key'), '--out', join(work, out)]);
const pathOf = (digest: string | undefined, folder = release): string =>
  join(folder, 'blobs/sha256', String(digest).slice('sha256:'.length));
const publicKey = (name = 'keys'): string => join(work, name, 'release.pem');

/** What a tool prints; skips the test when it is not installed. */
async function run(ctx: TestContext, ...argv: [string, ...string[]]): Promise<string> {
  try {
    const { stdout } = await processes.run({ argv, cwd: work, env: TOOLS, timeoutMs: 120_000 });
    return new TextDecoder().decode(stdout);
  } catch (error) {
    if (error instanceof HostError && error.code === 'PROCESS_NOT_FOUND') ctx.skip(`${argv[0]} is not installed`);
    throw error;
  }
}

/** The root, put together by the description of the format alone. */
async function unpackRoot(): Promise<Uint8Array> {
  const index = await readFile(pathOf(document.chunkIndex.sha256));
  const chunks = await readFile(pathOf(document.chunks.sha256));
  expect(index.toString('latin1', 0, 8)).toBe('BWLCIDX1');
  const count = index.readUInt32LE(8);
  const parts: Uint8Array[] = [];
  let at = 0;
  for (let number = 0; number < count; number++) {
    const [length, stored] = [index.readUInt32LE(20 + number * 40), index.readUInt32LE(24 + number * 40)];
    const bytes = chunks.subarray(at, at + stored);
    parts.push(stored === length ? bytes : zstdDecompressSync(bytes));
    at += stored;
  }
  expect(at).toBe(chunks.length);
  return Buffer.concat(parts);
}

describe('a release', () => {
  it('is an OCI layout with a manifest of its own type, and every blob has the digest it is named by', async (ctx) => {
    expect(manifest.artifactType).toBe('application/vnd.bowline.release.v1');
    const names = await readdir(join(release, 'blobs/sha256'));
    const text = await run(ctx, 'sha256sum', ...names.map((name) => join(release, 'blobs/sha256', name)));
    const digests = text
      .trimEnd()
      .split('\n')
      .map((line) => line.slice(0, 64));
    expect(digests.toSorted()).toEqual(names.toSorted());
    for (const { digest, size } of [manifest.config, ...manifest.layers]) {
      expect((await stat(pathOf(digest))).size).toBe(size);
    }
  });

  it('has a root for which veritysetup makes the root hash that is signed', async (ctx) => {
    const root = join(work, 'root.squashfs');
    await writeFile(root, await unpackRoot());
    expect((await run(ctx, 'sha256sum', root)).slice(0, 64)).toBe(document.root.sha256.slice(7));
    const { salt, uuid, rootHash } = document.verity;
    const text = await run(ctx, 'veritysetup', 'format', `--salt=${salt}`, `--uuid=${uuid}`, root, join(work, 'tree'));
    expect(text).toMatch(new RegExp(`Root hash:\\s+${rootHash}`));
  });

  it('has a signature over the document that openssl takes', async (ctx) => {
    const layer = manifest.layers.find(({ mediaType }) => mediaType.includes('signatures'));
    const { signatures } = JSON.parse(await readFile(pathOf(layer?.digest), 'utf8'));
    const signature = join(work, 'signature');
    await writeFile(signature, Buffer.from(signatures[0].signature, 'base64'));
    const verify = [
      'openssl',
      'pkeyutl',
      '-verify',
      '-pubin',
      '-rawin',
      '-in',
      pathOf(manifest.config.digest),
    ] as const;
    expect(await run(ctx, ...verify, '-inkey', publicKey(), '-sigfile', signature)).toContain('Verified Successfully');
  });

  it('tells what the image holds', async () => {
    const inventory = parseReleaseInventory(await readFile(pathOf(document.inventory.sha256), 'utf8'), 'the release');
    expect(inventory.initrdModules).toEqual(expect.arrayContaining(['dm_verity', 'squashfs', 'ext4']));
    expect(inventory.kernelArguments.join(' ')).not.toContain('roothash');
  });

  it('has the same bytes when it is built again elsewhere, and is not built again in place', async () => {
    await build('again');
    const list = async (folder: string): Promise<string[]> => (await readdir(folder, { recursive: true })).toSorted();
    const again = join(work, 'again/tiny/tiny-1-amd64-release');
    expect(await list(again)).toEqual(await list(release));
    expect(await readFile(join(again, 'index.json'))).toEqual(await readFile(join(release, 'index.json')));
    expect(await build('again')).toMatchObject({ unchanged: true });
  });

  it('is written again for another key, and for that alone', async () => {
    const other = ['--release-key', join(work, 'other/release.key')];
    const result = await bowlineJson<{ unchanged: boolean }>(['build', bowl, ...other, '--out', join(work, 'again')]);
    expect(result.unchanged).toBe(false);
    const { releases } = await bowlineJson<Verified>(['verify', join(work, 'again'), '--key', publicKey('other')]);
    expect(releases[0]).toMatchObject({ problems: [], document });
  });
});

describe('bowline verify', () => {
  it('finds everything as it should be', async () => {
    const verified = await bowlineJson<Verified>(['verify', join(work, 'out'), '--key', publicKey()]);
    expect(verified).toMatchObject({ ok: true, releases: [{ problems: [], signedBy: [publicKey()], document }] });
  });

  it('refuses a release that another key signed', async () => {
    const { exitCode, stdout } = await bowline(['verify', release, '--key', publicKey('other')]);
    expect(exitCode).toBe(5);
    expect(stdout).toContain('no valid signature of a given key');
  });

  it.each(['chunks', 'chunkIndex', 'uki', 'ukiIndex', 'bootLoader', 'biosLoader', 'inventory'] as const)(
    'tells that one byte of the %s was altered',
    async (part) => {
      const blob = document[part] ?? document.uki;
      const path = pathOf(blob.sha256);
      const offset = Math.floor(blob.sizeBytes / 2);
      await flipByte(path, offset);
      try {
        const { exitCode, stdout } = await bowline(['verify', release, '--key', publicKey()]);
        expect(exitCode).toBe(5);
        expect(stdout).toContain(blob.sha256);
        if (part === 'chunks') expect(stdout).toMatch(/chunk \d+ of \d+ is damaged: bytes \d+ to \d+ of the root/);
      } finally {
        await flipByte(path, offset);
      }
    },
  );
});

describe('a registry', () => {
  let server: RegistryServer | undefined;
  beforeAll(async () => {
    server = await startRegistryServer(join(work, 'registry')).catch((error: unknown) => {
      if (error instanceof HostError && error.code === 'PROCESS_NOT_FOUND') return undefined;
      throw error;
    });
  });
  afterAll(() => server?.stop());

  it('takes a release, gives it back as it was, and serves it to verify', async (ctx) => {
    if (server === undefined) return ctx.skip('docker-registry is not installed');
    const reference = `${server.address}/images/tiny:1`;
    const plain = ['--plain-http', server.address];
    const pushed = await bowlineJson<{ digest: string; sentBytes: number }>([
      'push',
      reference,
      join(work, 'out'),
      ...plain,
    ]);
    expect(pushed.sentBytes).toBeGreaterThan(document.chunks.sizeBytes);
    const again = await bowlineJson<{ sentBytes: number }>(['push', reference, release, ...plain]);
    expect(again.sentBytes).toBe(0);
    const copy = join(work, 'copy');
    await bowlineJson(['pull', reference, copy, ...plain]);
    expect((await readdir(join(copy, 'blobs/sha256'))).toSorted()).toEqual(
      (await readdir(join(release, 'blobs/sha256'))).toSorted(),
    );
    for (const place of [copy, reference]) {
      const verified = await bowlineJson<Verified>(['verify', place, '--key', publicKey(), ...plain]);
      expect(verified).toMatchObject({ ok: true, releases: [{ document }] });
    }
    const refused = await bowline(['pull', reference, copy, ...plain]);
    expect(refused.exitCode).toBe(2);
  });

  it('serves it to skopeo, with the same manifest', async (ctx) => {
    if (server === undefined) return ctx.skip('docker-registry is not installed');
    const reference = `${server.address}/images/tiny:2`;
    await bowlineJson(['push', reference, release, '--plain-http', server.address]);
    const raw = await run(ctx, 'skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${reference}`);
    expect(JSON.parse(raw)).toEqual(manifest);
  });
});
