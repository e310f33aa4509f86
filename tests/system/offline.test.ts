import { cp, mkdir, mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeHost } from '@bowline/host';
import type { BowlLock, Manifest } from '@bowline/spec';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { bowline, bowlineJson, type CliRun } from './fixtures/cli.ts';
import { digestsOf, linkCache, readManifest, writePinnedBowl } from './fixtures/tiny-build.ts';

/** Where there is nothing but a loopback interface, which is down. */
const NO_NETWORK = nodeHost().isRoot ? ['unshare', '--net'] : ['unshare', '--map-root-user', '--net'];
const OUTPUTS = ['uki', 'netboot', 'qcow2'];

let lab = '';
let lock: BowlLock;
let reference: Manifest;
let hasNamespaces = false;
const at = (...names: string[]): string => join(lab, ...names);

/** Runs the CLI without network, with a cache of the lab. */
function cutOff(cache: string, args: readonly string[]): Promise<CliRun> {
  return bowline([...args, '--json'], { env: { BOWLINE_CACHE: at(cache) }, wrapper: NO_NETWORK });
}

function errorOf(run: CliRun): { code: string; message: string; hint?: string } {
  return (JSON.parse(run.stdout) as { error: { code: string; message: string; hint?: string } }).error;
}

async function copyBowl(name: string): Promise<string> {
  await cp(at('bowl'), at(name), { recursive: true });
  return at(name);
}

function needNamespaces(ctx: TestContext): void {
  if (!hasNamespaces) ctx.skip('this machine allows no network namespaces');
}

beforeAll(async () => {
  lab = await mkdtemp(join(tmpdir(), 'bowline-offline-'));
  const probe = nodeHost().processes.run({
    argv: [NO_NETWORK[0] ?? '', ...NO_NETWORK.slice(1), 'cat', '/proc/net/dev'],
    timeoutMs: 10_000,
  });
  hasNamespaces = await probe.then(
    ({ stdout }) => new TextDecoder().decode(stdout).trim().split('\n').length === 3,
    () => false,
  );
  await mkdir(at('bowl'));
  await writeFile(at('bowl/motd'), 'hello\n');
  lock = await writePinnedBowl(
    at('bowl'),
    `outputs: [${OUTPUTS.join(', ')}]\nfiles: [{ path: /etc/motd, source: motd }]`,
  );
  await linkCache(lock, at('online'));
  const env = { BOWLINE_CACHE: at('online') };
  await bowlineJson(['build', at('bowl'), '--out', at('reference')], { env });
  reference = await readManifest(at('reference/tiny'));
});
afterAll(() => rm(lab, { recursive: true, force: true }));

describe('without a network', () => {
  it('builds from what fetch got, and from nothing else', async (ctx) => {
    needNamespaces(ctx);
    await linkCache(lock, at('fetched'));
    await bowlineJson(['fetch', at('bowl')], { env: { BOWLINE_CACHE: at('fetched') } });
    const run = await cutOff('fetched', ['build', at('bowl'), '--offline', '--out', at('one')]);
    expect(run, run.stdout).toMatchObject({ exitCode: 0 });
    expect(await readManifest(at('one/tiny'))).toEqual(reference);
  });

  it('builds the same at a site that only ever saw the exported inputs, not even the root tar', async (ctx) => {
    needNamespaces(ctx);
    await bowlineJson(['store', 'export', at('bowl'), at('inputs.tar')], { env: { BOWLINE_CACHE: at('online') } });
    const copy = await copyBowl('site');
    await rm(join(copy, 'root.tar'));
    const before = await cutOff('empty', ['store', 'list']);
    expect(JSON.parse(before.stdout)).toMatchObject({ blobs: [] });
    const imported = await cutOff('empty', ['store', 'import', at('inputs.tar')]);
    expect(imported, imported.stdout).toMatchObject({ exitCode: 0 });
    const run = await cutOff('empty', ['build', copy, '--offline', '--locked', '--out', at('two')]);
    expect(run, run.stdout).toMatchObject({ exitCode: 0 });
    const built = await readManifest(at('two/tiny'));
    expect(built.imageId).toBe(reference.imageId);
    expect(digestsOf(built)).toEqual(digestsOf(reference));
  });

  it('writes the same archive twice', async () => {
    const env = { BOWLINE_CACHE: at('online') };
    await bowlineJson(['store', 'export', at('bowl'), at('again-1.tar')], { env });
    await bowlineJson(['store', 'export', at('bowl'), at('again-2.tar')], { env });
    expect((await readFile(at('again-1.tar'))).equals(await readFile(at('again-2.tar')))).toBe(true);
  });

  it.each([
    ['pinned inputs', true],
    ['pins', false],
  ])('says how to get %s that are not there', async (_what, pinned) => {
    const copy = await copyBowl(`missing-${pinned}`);
    if (!pinned) await rm(join(copy, 'bowl.lock'));
    const run = await bowline(['build', copy, '--offline', '--out', at('none'), '--json'], {
      env: { BOWLINE_CACHE: at(`nothing-${pinned}`) },
    });
    expect(run.exitCode).toBe(4);
    const error = errorOf(run);
    expect(error.code).toBe('OFFLINE_MISSING');
    expect(error.message).toContain('linux-image-cloud-amd64 of debian trixie');
    expect(error.hint).toContain('bowline fetch');
    expect(error.hint).toContain('bowline store import');
    await expect(readdir(at('none'))).rejects.toThrow('ENOENT');
  });

  it('says which of its own parts are missing', async () => {
    const copy = await copyBowl('no-toolbox');
    await linkCache(lock, at('no-toolbox-cache'));
    await rm(at('no-toolbox-cache/toolbox'), { recursive: true });
    const run = await bowline(['build', copy, '--offline', '--out', at('none'), '--json'], {
      env: { BOWLINE_CACHE: at('no-toolbox-cache') },
    });
    expect([run.exitCode, errorOf(run)]).toEqual([
      4,
      expect.objectContaining({ code: 'OFFLINE_MISSING', message: expect.stringContaining('toolbox') }),
    ]);
    expect(errorOf(run).hint).toContain('bowline fetch');
  });
});

describe('a store archive', () => {
  const refused = async (name: string, cache: string): Promise<{ exitCode: number; code: string; hint?: string }> => {
    const run = await bowline(['store', 'import', at(name), '--json'], { env: { BOWLINE_CACHE: at(cache) } });
    return { exitCode: run.exitCode, ...errorOf(run) };
  };
  const exported = async (name: string): Promise<number> => {
    await bowlineJson(['store', 'export', at('bowl'), at(name)], { env: { BOWLINE_CACHE: at('online') } });
    return (await stat(at(name))).size;
  };

  it('that is cut short is refused before anything is taken', async () => {
    const size = await exported('short.tar');
    await truncate(at('short.tar'), size - 40_000_000);
    expect(await refused('short.tar', 'short')).toMatchObject({ exitCode: 5, code: 'STORE_ARCHIVE_INVALID' });
    const list = await bowlineJson<{ blobs: unknown[] }>(['store', 'list'], { env: { BOWLINE_CACHE: at('short') } });
    expect(list.blobs).toEqual([]);
  });

  it('with a flipped bit gives no blob that is not what its name says', async () => {
    const size = await exported('flipped.tar');
    const file = await open(at('flipped.tar'), 'r+');
    const byte = new Uint8Array(1);
    const middle = Math.floor(size / 2);
    await file.read(byte, 0, 1, middle);
    await file.write(Uint8Array.of((byte[0] ?? 0) ^ 1), 0, 1, middle);
    await file.close();
    const error = await refused('flipped.tar', 'flipped');
    expect(error).toMatchObject({ exitCode: 5, code: 'BLOB_MISMATCH' });
    expect(error.hint).toBeDefined();
  });

  it('is not written when an input is missing', async () => {
    const run = await bowline(['store', 'export', at('bowl'), at('never.tar'), '--json'], {
      env: { BOWLINE_CACHE: at('nothing-here') },
    });
    expect([run.exitCode, errorOf(run)]).toEqual([4, expect.objectContaining({ code: 'OFFLINE_MISSING' })]);
    expect(errorOf(run).hint).toContain('bowline fetch');
    expect((await readdir(lab)).filter((name) => name.startsWith('never'))).toEqual([]);
  });
});

describe('--locked', () => {
  const locked = (folder: string) =>
    bowline(['build', folder, '--locked', '--out', at('locked'), '--json'], { env: { BOWLINE_CACHE: at('online') } });

  it('builds what the lock pins, and leaves the lock alone', async () => {
    const copy = await copyBowl('kept');
    const before = await readFile(join(copy, 'bowl.lock'));
    expect(await locked(copy)).toMatchObject({ exitCode: 0 });
    expect(await readFile(join(copy, 'bowl.lock'))).toEqual(before);
  });

  it.each([
    ['file', (text: string) => text, 'motd', /motd/],
    ['kernel', (text: string) => text.replace('linux-image-cloud-amd64', 'linux-image-amd64'), '', /amd64 kernel/],
    ['list of architectures', (text: string) => text.replace('arch: [amd64]', 'arch: [amd64, arm64]'), '', /arm64/],
  ])('refuses a bowl with another %s, and names what changed', async (what, edit, file, named) => {
    const copy = await copyBowl(`locked-${what.replaceAll(' ', '-')}`);
    const bowlPath = join(copy, 'bowl.yaml');
    await writeFile(bowlPath, edit(await readFile(bowlPath, 'utf8')));
    if (file !== '') await writeFile(join(copy, file), 'changed\n');
    const before = await readFile(join(copy, 'bowl.lock'));
    const run = await locked(copy);
    expect(run.exitCode).toBe(7);
    expect(errorOf(run)).toMatchObject({ code: 'LOCK_STALE', message: expect.stringMatching(named) });
    expect(errorOf(run).hint).toContain('without --locked');
    expect(await readFile(join(copy, 'bowl.lock'))).toEqual(before);
  });

  it('refuses a bowl without a lock', async () => {
    const copy = await copyBowl('lockless');
    await rm(join(copy, 'bowl.lock'));
    expect(errorOf(await locked(copy))).toMatchObject({
      code: 'LOCK_STALE',
      message: expect.stringContaining('no bowl.lock'),
    });
    expect(await readdir(copy)).not.toContain('bowl.lock');
  });
});
