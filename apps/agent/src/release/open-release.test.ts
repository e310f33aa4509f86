import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeOciLayout } from '@bowline/oci';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRelease } from './open-release.ts';
import { makeRoot, type TestRelease, writeTestRelease } from './release-fixture.testdata.ts';
import { makeSlotMachine, type SlotMachine, TEST_LIMITS } from './release-machine.testdata.ts';
import { ReleaseServer } from './release-server.testdata.ts';
import { writeRoot } from './write-root.ts';

const ARCH = process.arch === 'x64' ? 'amd64' : 'arm64';
const OTHER = ARCH === 'amd64' ? 'arm64' : 'amd64';
let made: SlotMachine;
let server: ReleaseServer;
let wanted: TestRelease;
beforeAll(async () => {
  made = await makeSlotMachine();
  const at = (name: string) => join(made.root, name);
  wanted = await writeTestRelease({ folder: at('release'), root: makeRoot(1, 65_536), tag: '1' });
  await writeTestRelease({ folder: at('other'), root: makeRoot(2, 20_480), arch: OTHER });
  await writeTestRelease({ folder: at('liar'), root: makeRoot(2, 20_480), document: { arch: OTHER } });
  await writeOciLayout({ folder: at('image'), tag: '1', image: { architecture: ARCH }, layers: [] });
  await merge(at('release'), at('other'), at('both'));
  await merge(at('release'), at('release'), at('twice'));
  await mkdir(at('empty'));
  server = await ReleaseServer.start(wanted.folder);
});
afterAll(async () => {
  await server.stop();
  await made.remove();
});

/** A layout with the entries of two. */
async function merge(one: string, two: string, folder: string): Promise<void> {
  const { cp } = await import('node:fs/promises');
  await cp(one, folder, { recursive: true });
  await cp(two, folder, { recursive: true });
  const entries = await Promise.all([one, two].map((from) => readFile(join(from, 'index.json'), 'utf8')));
  const manifests = entries.flatMap((text) => (JSON.parse(text) as { manifests: object[] }).manifests);
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
}

const open = (source: string) => openRelease(made.machine, source, { limits: TEST_LIMITS, plainHttp: [server.host] });

describe('a release', () => {
  it.each<[source: string, name: () => string]>([
    ['a folder', () => '/release'],
    ['a folder, as dir:', () => 'dir:/release'],
    ['a folder, as file:', () => 'file:///release'],
    ['a folder, as oci:', () => 'oci:/release'],
    ['a folder and its tag', () => 'oci:/release:1'],
    ['a folder with one for each architecture', () => '/both'],
    ['a web server', () => server.url],
    ['a web server, without the slash', () => server.url.replace(/\/$/, '')],
    ['the index on a web server', () => `${server.url}index.json`],
    ['a tag on a web server', () => `${server.url}#1`],
    ['a registry', () => server.reference],
    ['a registry that speaks plain HTTP', () => `http://${server.reference}`],
    ['a registry, as docker:', () => `docker://${server.reference}`],
    ['a registry, as oci:', () => `oci:${server.reference}`],
  ])('is found in %s', async (_what, name) => {
    const release = await open(name());
    expect(release.document).toEqual(wanted.document);
    expect((await release.inventory()).packages).toEqual({ base: '1' });
    expect(await release.index()).toEqual(wanted.index);
    for (const [stream, text] of [
      [release.uki(), `UKI ${wanted.rootHash}`],
      [release.bootLoader(), 'systemd-boot'],
      [release.biosLoader(), ARCH === 'amd64' ? 'boot.img and core.img' : undefined],
    ] as const) {
      if (stream === undefined) continue;
      const pieces: Uint8Array[] = [];
      for await (const piece of stream) pieces.push(piece);
      expect(Buffer.concat(pieces).toString()).toBe(text);
    }
  });

  it.each<[what: string, name: () => string, code: string, says: string]>([
    ['a container image', () => '/image', 'RELEASE_UNFIT', 'is a container image'],
    ['a release of another architecture', () => '/other', 'RELEASE_UNFIT', `only for ${OTHER}`],
    ['a release that says so only inside', () => '/liar', 'RELEASE_UNFIT', `is for ${OTHER}`],
    ['two releases', () => '/twice', 'RELEASE_UNFIT', 'holds 2 releases'],
    ['a tag that is not there', () => 'oci:/release:9', 'RELEASE_UNFIT', 'nothing that is named 9'],
    ['an empty folder', () => '/empty', 'SOURCE_UNAVAILABLE', 'index.json'],
    ['a folder that is not there', () => 'dir:/nowhere', 'SOURCE_UNAVAILABLE', 'index.json'],
    ['a path that is not there', () => '/nowhere', 'SOURCE_UNAVAILABLE', '/nowhere'],
    ['a name without a registry', () => 'edge', 'REFERENCE_INVALID', 'does not name its registry'],
    ['an archive', () => 'docker-archive:/release.tar', 'RELEASE_UNFIT', 'cannot hold a release'],
    ['a repository that is not there', () => `${server.host}/other:1`, 'NOT_FOUND', 'does not have'],
    ['a path that a web server does not have', () => `http://${server.host}/v2`, 'SOURCE_UNAVAILABLE', '404'],
  ])('is not found in %s', async (_what, name, code, says) => {
    const error = await open(name()).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code, message: expect.stringContaining(says), hint: expect.stringMatching(/\w/) });
  });

  it('is not asked for by plain HTTP in a registry unless that is wanted', async () => {
    await expect(openRelease(made.machine, server.reference, { limits: TEST_LIMITS })).rejects.toMatchObject({
      code: expect.stringMatching(/PLAIN_HTTP_REFUSED|REGISTRY_UNREACHABLE/),
    });
  });

  it('without a signature over plain HTTP is taken with a word about the way', async () => {
    expect((await open(server.url)).warnings[0]).toContain('anybody on the way');
  });

  it('names no login of its address', async () => {
    const source = server.url.replace('http://', 'http://user:secret@');
    expect((await open(source)).origin).not.toContain('secret');
    await expect(open(`${source}nowhere/`)).rejects.not.toThrow(/secret/);
  });
});

describe('the bandwidth limit', () => {
  it('holds for all requests together', async () => {
    const release = await open(server.url);
    const target = await made.slot('b', 131_072);
    const since = performance.now();
    const { fetchedBytes } = await writeRoot(release, target, { bases: [], limit: 100_000 });
    expect(performance.now() - since).toBeGreaterThan((fetchedBytes / 100_000) * 1000 * 0.9);
  });
});
