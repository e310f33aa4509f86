import { existsSync } from 'node:fs';
import { appendFile, chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { LocalBlobStore, nodeHost } from '../../packages/host/src/index.ts';
import { listTree, readFileFromTree } from '../../packages/image/src/compose/read-tree.ts';
import { readTree } from '../../packages/image/src/sources/part-of-tree.ts';
import { DEFAULT_LAYER_LIMITS } from '../../packages/image/src/sources/source.ts';
import { writeLayout } from '../../packages/image/src/sources/write-layout.ts';
import { ordinaryUser } from './fixtures/ordinary-user.ts';
import { type RunAnswer, type RunRequest, runElsewhere, runResolution } from './sources-runner.ts';

const BUSYBOX = '/bin/busybox';
const host = nodeHost();
const SHELL =
  'mkdir -p /etc /srv; echo hello > /etc/motd; echo owned > /srv/owned; chown 12:34 /srv/owned; chmod 4750 /srv/owned';
const DOCKERFILE = `FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "${SHELL.replaceAll('; ', '; /bin/busybox ').replace('mkdir', '/bin/busybox mkdir')}"]
`;

let folder: string;
let missing: string | undefined;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sources-'));
  await chmod(folder, 0o755);
  missing = await whyNot();
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach((ctx) => {
  if (missing !== undefined) ctx.skip(missing);
});

async function whyNot(): Promise<string | undefined> {
  if (!existsSync(BUSYBOX)) return 'busybox-static is not installed';
  const works = await host.processes.run({ argv: ['buildah', '--version'], timeoutMs: 30_000 }).catch(() => undefined);
  if (works === undefined) return 'buildah is not installed';
  const info = await host.processes.run({ argv: [BUSYBOX, 'true'], timeoutMs: 30_000 }).catch(() => undefined);
  return info === undefined ? `${BUSYBOX} does not run here` : undefined;
}

/** A folder with a Dockerfile and busybox in it. */
async function makeBowl(name: string, dockerfile = DOCKERFILE): Promise<string> {
  const bowlFolder = path.join(folder, name);
  await mkdir(bowlFolder);
  await writeFile(path.join(bowlFolder, 'Dockerfile'), dockerfile);
  await copyFile(BUSYBOX, path.join(bowlFolder, 'busybox'));
  return bowlFolder;
}

const request = (bowlFolder: string, work: string, parts: Partial<RunRequest> = {}): RunRequest => ({
  bowlFolder,
  workFolder: path.join(folder, work),
  bowl: { base: { dockerfile: 'Dockerfile' } },
  ...parts,
});

function baseOf(answer: RunAnswer) {
  if (!answer.ok) throw new Error(`${answer.code}: ${answer.message}`);
  const base = answer.resolved.lock.arch.amd64?.base ?? answer.resolved.lock.arch.arm64?.base;
  if (base === undefined) throw new Error('no architecture was resolved');
  return base;
}

async function openTree(answer: RunAnswer, work: string) {
  const store = await LocalBlobStore.open(path.join(folder, work, 'store'));
  const layers = baseOf(answer).layers.map(({ diffId, size }) => ({ diffId, size, origin: 'the test' }));
  return { store, layers, tree: await readTree(layers, { store, limits: DEFAULT_LAYER_LIMITS }) };
}

function requireRoot(ctx: TestContext): void {
  if (!host.isRoot) ctx.skip('needs root to enter other namespaces');
}

describe('a Dockerfile base', () => {
  it('is executed without privilege, owners and modes kept, and is the same bytes from another folder and umask', async () => {
    const first = await makeBowl('first');
    const second = await makeBowl('second');
    await chmod(path.join(second, 'busybox'), 0o700);
    const answer = await runResolution(request(first, 'one'));
    const { tree, store } = await openTree(answer, 'one');
    expect(new TextDecoder().decode(await readFileFromTree(tree, store, 'etc/motd'))).toBe('hello\n');
    expect(listTree(tree, 'srv')).toMatchObject([{ name: 'owned', mode: 0o4750 }]);
    expect(tree.root.children?.get('srv')?.children?.get('owned')?.inode.meta).toMatchObject({ uid: 12, gid: 34 });

    const umask = process.umask(0o077);
    const again = await runResolution(request(second, 'two')).finally(() => process.umask(umask));
    expect(baseOf(again)).toEqual(baseOf(answer));
    expect(await readdir(path.join(folder, 'one/scratch'))).toEqual([]);
  });

  it('keeps its pin while nothing changes, and is stale when the context does', async () => {
    const bowlFolder = await makeBowl('pinned');
    const answer = await runResolution(request(bowlFolder, 'pins'));
    if (!answer.ok) throw new Error(answer.message);
    const { lock } = answer.resolved;
    const kept = await runResolution(request(bowlFolder, 'pins', { lock, locked: true, offline: true }));
    expect(kept).toMatchObject({ ok: true, resolved: { lock, changes: [] } });

    await appendFile(path.join(bowlFolder, 'Dockerfile'), '# changed\n');
    expect(await runResolution(request(bowlFolder, 'pins', { lock, locked: true }))).toMatchObject({
      ok: false,
      code: 'LOCK_STALE',
      message: expect.stringContaining('amd64 base: dockerfile Dockerfile has other content or options'),
    });
  });

  it('can stand on an image of an OCI layout', async () => {
    const below = await runResolution(request(await makeBowl('below'), 'layout'));
    const { layers, store } = await openTree(below, 'layout');
    const above = await makeBowl('above', `FROM oci:image:latest\nRUN ["/bin/busybox", "rm", "/etc/motd"]\n`);
    await writeLayout(path.join(above, 'image'), layers, 'amd64', store);
    const answer = await runResolution(request(above, 'layout'));
    expect(baseOf(answer).layers.map(({ diffId }) => diffId)).toEqual([layers[0]?.diffId, expect.any(String)]);
    const { tree } = await openTree(answer, 'layout');
    expect(listTree(tree, 'etc').map(({ name }) => name)).not.toContain('motd');

    const image = await runResolution(request(above, 'image', { bowl: { base: { image: 'oci:image:latest' } } }));
    expect(baseOf(image)).toMatchObject({ kind: 'image', layers: [{ diffId: layers[0]?.diffId }] });
  });

  it('names the step that failed', async () => {
    const bowlFolder = await makeBowl('broken', `${DOCKERFILE}RUN ["/bin/busybox", "false"]\n`);
    expect(await runResolution(request(bowlFolder, 'broken-work'))).toMatchObject({
      ok: false,
      code: 'ENGINE_FAILED',
      message: expect.stringMatching(/buildah failed while executing Dockerfile.*false/),
    });
    expect(await readdir(path.join(folder, 'broken-work/scratch'))).toEqual([]);
  });

  it('leaves no mount, process or file behind when it is stopped', async () => {
    const stop = new AbortController();
    const work = path.join(folder, 'stopped-work');
    const bowlFolder = await makeBowl('stopped', `${DOCKERFILE}RUN ["/bin/busybox", "sleep", "4711.5"]\n`);
    const running = runResolution({ ...request(bowlFolder, 'stopped-work') }, stop.signal);
    const isSleeping = async () =>
      (
        await host.processes
          .run({ argv: ['ps', '-eo', 'args'], timeoutMs: 10_000 })
          .then(({ stdout }) => new TextDecoder().decode(stdout))
      ).includes('sleep 4711.5\n');
    await expect.poll(isSleeping, { timeout: 60_000, interval: 100 }).toBe(true);
    stop.abort();
    expect(await running).toMatchObject({ ok: false, code: 'ABORTED' });
    expect(await isSleeping()).toBe(false);
    expect(await readFile('/proc/self/mounts', 'utf8')).not.toContain(folder);
    expect(await readdir(path.join(work, 'scratch'))).toEqual([]);
  });

  it('cannot reach outside the folder of the bowl', async () => {
    await makeBowl('inner');
    const bowl = { base: { dockerfile: { path: 'Dockerfile', context: '..' } } };
    expect(await runResolution(request(path.join(folder, 'inner'), 'inner-work', { bowl }))).toMatchObject({
      ok: false,
      code: 'CONTEXT_INVALID',
    });
  });

  it('for a foreign architecture says that RUN needs qemu-user; COPY alone does not', async (ctx) => {
    if (process.arch !== 'x64') ctx.skip('arm64 is foreign on amd64 only');
    if (existsSync('/proc/sys/fs/binfmt_misc/qemu-aarch64')) ctx.skip('qemu-user is registered on this machine');
    const bowlFolder = await makeBowl('foreign');
    expect(await runResolution(request(bowlFolder, 'foreign-work', { arch: ['arm64'] }))).toMatchObject({
      ok: false,
      code: 'FOREIGN_ARCH',
      message: expect.stringContaining('qemu-user is not registered for aarch64'),
    });
    await writeFile(path.join(bowlFolder, 'Dockerfile'), 'FROM scratch\nCOPY busybox /bin/busybox\n');
    const answer = await runResolution(request(bowlFolder, 'foreign-work', { arch: ['arm64'] }));
    expect(baseOf(answer).layers).toHaveLength(1);
  });

  it('works offline from the store alone, in a network namespace without a way out', async (ctx) => {
    requireRoot(ctx);
    const bowlFolder = await makeBowl('offline');
    const online = await runResolution(request(bowlFolder, 'offline-work'));
    if (!online.ok) throw new Error(online.message);
    const { lock } = online.resolved;
    const offline = request(bowlFolder, 'offline-work', { lock, locked: true, offline: true });
    expect(await runElsewhere(['unshare', '--net'], offline)).toMatchObject({ ok: true, resolved: { lock } });
    const empty = { ...offline, workFolder: path.join(folder, 'offline-empty') };
    expect(await runElsewhere(['unshare', '--net'], empty)).toMatchObject({
      ok: false,
      code: 'OFFLINE_MISSING',
      hint: expect.stringContaining('bowline store import'),
    });
  });

  it('is the same layer when an ordinary user builds it', async (ctx) => {
    const user = await ordinaryUser(ctx, folder);
    // On top of a base, where overlayfs keeps its books in attributes of the folders that change.
    const below = await openTree(await runResolution(request(await makeBowl('user-base'), 'as-root')), 'as-root');
    const bowlFolder = await makeBowl('user', 'FROM oci:image:latest\nRUN ["/bin/busybox", "rm", "/etc/motd"]\n');
    await writeLayout(path.join(bowlFolder, 'image'), below.layers, 'amd64', below.store);
    const asRoot = await runResolution(request(bowlFolder, 'as-root'));
    const workFolder = path.join(user.home, 'work');
    const answer = await runElsewhere(user.argv, { ...request(bowlFolder, 'as-user'), workFolder }, user.env);
    expect(baseOf(answer)).toEqual(baseOf(asRoot));
    expect(await readdir(path.join(workFolder, 'scratch'))).toEqual([]);
  });
});
