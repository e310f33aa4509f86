import { cp, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeHost, sha256File } from '@bowline/host';
import { type BowlLock, type Manifest, OutputKind } from '@bowline/spec';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bowline, bowlineJson, CACHE, PROJECT } from './fixtures/cli.ts';
import { digestsOf, linkCache, readManifest, writePinnedBowl } from './fixtures/tiny-build.ts';

const NOBODY = 65_534;
const BOWL = [
  `outputs: [${OutputKind.options.join(', ')}]`,
  'hostname: twin',
  'kernelArguments: [net.ifnames=0]',
  'files:',
  '  - { path: /etc/motd, source: motd }',
  '  - { path: /opt/tool, source: tool }',
  'users:',
  '  - { name: ada, sshAuthorizedKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJQ1kZ1cO6R9jS0tq1Yx0x0x0x0x0x0x0x0x0x0x0x0x ada"] }',
  'cloudConfig: { file: cloud-config.yaml }',
].join('\n');
const CLOUD_CONFIG = '#cloud-config\nhostname: twin\n';

let lab = '';
let lock: BowlLock;
let first: Manifest;
const bowl = (): string => join(lab, 'bowl');
const cache = (): string => join(lab, 'cache');

/** Builds with the first cache into a folder of its own. */
const build = (folder: string, out: string, more: readonly string[] = []) =>
  bowline(['build', folder, '--out', join(lab, out), ...more], { env: { BOWLINE_CACHE: cache() } });

beforeAll(async () => {
  // Others must be able to pass through: another user builds in here too.
  lab = await mkdtemp(join(tmpdir(), 'bowline-twins-'));
  await mkdir(bowl());
  await mkdir(join(bowl(), 'tool/bin'), { recursive: true });
  await writeFile(join(bowl(), 'motd'), 'the same everywhere\n');
  await writeFile(join(bowl(), 'tool/bin/run'), '#!/bin/sh\n', { mode: 0o755 });
  await writeFile(join(bowl(), 'cloud-config.yaml'), CLOUD_CONFIG);
  lock = await writePinnedBowl(bowl(), BOWL);
  await linkCache(lock, cache());
  const run = await build(bowl(), 'first', ['--json']);
  expect(run, run.stderr).toMatchObject({ exitCode: 0 });
  first = await readManifest(join(lab, 'first/tiny'));
});
afterAll(() => rm(lab, { recursive: true, force: true }));

/** Words that make the rest run as an ordinary user, where that is possible here. */
async function asOrdinaryUser(): Promise<readonly string[]> {
  if (!nodeHost().isRoot) return [];
  const words = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'] as const;
  const works = await nodeHost()
    .processes.run({ argv: [...words, join(PROJECT, 'bowline'), '--version'], timeoutMs: 60_000 })
    .then(
      () => true,
      () => false,
    );
  return works ? words : [];
}

describe('the same bowl', () => {
  it('makes every kind of output', () => {
    expect(new Set(first.files.map((file) => file.output))).toEqual(new Set(OutputKind.options));
  });

  it('gives the same bytes in another folder, umask, time zone, locale and user, from inputs carried there', async () => {
    const elsewhere = join(lab, 'elsewhere');
    const [copy, archive] = [join(elsewhere, 'a copy'), join(elsewhere, 'inputs.tar')];
    await cp(bowl(), copy, { recursive: true });
    await rm(join(copy, 'out'), { recursive: true, force: true });
    await utimes(join(copy, 'motd'), 1, 1);
    await nodeHost().processes.run({ argv: ['chmod', '-R', 'go-w,o-x,a+rX', copy], timeoutMs: 10_000 });
    await bowlineJson(['store', 'export', bowl(), archive], { env: { BOWLINE_CACHE: cache() } });
    const user = await asOrdinaryUser();
    if (user.length > 0) {
      for (const path of [lab, elsewhere])
        await nodeHost().processes.run({ argv: ['chmod', '755', path], timeoutMs: 10_000 });
      await nodeHost().processes.run({ argv: ['chown', '-R', `${NOBODY}:${NOBODY}`, elsewhere], timeoutMs: 10_000 });
    }
    const options = {
      cwd: elsewhere,
      wrapper: [...user, 'sh', '-c', 'umask 077; exec "$0" "$@"'],
      env: {
        BOWLINE_CACHE: join(elsewhere, 'cache'),
        HOME: join(elsewhere, 'home'),
        USER: 'somebody',
        TZ: 'Asia/Kathmandu',
        LANG: 'tr_TR.UTF-8',
        LC_ALL: 'tr_TR.UTF-8',
        SOURCE_DATE_EPOCH: '1',
      },
    };
    await bowlineJson(['store', 'import', archive], options);
    await bowlineJson(['build', copy, '--out', 'results', '--locked'], options);
    const second = await readManifest(join(elsewhere, 'results/tiny'));
    expect(digestsOf(second)).toEqual(digestsOf(first));
    expect(second).toEqual(first);
    // The manifest is the build's own word: hash again.
    for (const file of second.files.filter((one) => one.output !== 'raw')) {
      const found = await sha256File(join(elsewhere, 'results/tiny', file.path));
      expect([file.path, found.digest]).toEqual([file.path, file.sha256]);
    }
  });

  it('gives the same bytes whichever outputs are asked for, and a second output keeps the first', async () => {
    const [one, two] = [
      await build(bowl(), 'some', ['--output', 'iso']),
      await build(bowl(), 'some', ['--output', 'qcow2']),
    ];
    expect([one.exitCode, two.exitCode], two.stderr).toEqual([0, 0]);
    expect(two.stderr).not.toContain('ISO');
    const { files } = await readManifest(join(lab, 'some/tiny'));
    expect(files).toEqual(first.files.filter(({ output }) => output === 'iso' || output === 'qcow2'));
  });
});

describe('what is built again', () => {
  it('is nothing when nothing changed', async () => {
    const startMs = performance.now();
    const run = await build(bowl(), 'first', ['--json']);
    expect(JSON.parse(run.stdout)).toMatchObject({ unchanged: true, imageId: first.imageId });
    expect(run.stderr).not.toMatch(/^amd64 /m);
    // A bound for people, wide for a busy machine; the benchmark measures it.
    expect(performance.now() - startMs).toBeLessThan(15_000);
  });

  it('is what somebody changed or removed', async () => {
    await build(bowl(), 'touched', ['--output', 'uki']);
    const uki = join(lab, 'touched/tiny/tiny-1-amd64.efi');
    const bytes = await readFile(uki);
    await writeFile(uki, 'shorter');
    expect((await build(bowl(), 'touched', ['--output', 'uki'])).exitCode).toBe(0);
    expect((await readFile(uki)).equals(bytes)).toBe(true);
    await rm(uki);
    expect((await build(bowl(), 'touched', ['--output', 'uki'])).exitCode).toBe(0);
    expect((await readFile(uki)).equals(bytes)).toBe(true);
  });

  it.each([
    ['kernel arguments', 'kernelArguments: [net.ifnames=0]', 'kernelArguments: [net.ifnames=1]', []],
    ['the cloud-config', 'cloudConfig: { file: cloud-config.yaml }', 'cloudConfig: { inline: "#cloud-config\\n" }', []],
    ['the debug shell', 'hostname: twin', 'hostname: twin', ['--debug']],
  ])('is not the root when %s change', async (_what, from, to, flags) => {
    const changed = join(lab, 'changed');
    await rm(changed, { recursive: true, force: true });
    await cp(bowl(), changed, { recursive: true });
    const text = await readFile(join(changed, 'bowl.yaml'), 'utf8');
    expect(text).toContain(from);
    await writeFile(join(changed, 'bowl.yaml'), text.replace(from, to));
    const run = await build(changed, 'changed', ['--output', 'uki', '--json', ...flags]);
    expect(run, run.stderr).toMatchObject({ exitCode: 0 });
    expect(run.stderr).toMatch(/amd64 root: done \([^)]*unchanged\)/);
    const manifest = await readManifest(join(lab, 'changed/tiny'));
    expect(manifest.imageId).not.toBe(first.imageId);
    expect(manifest.roots).toEqual(first.roots);
    expect(Object.values(digestsOf(manifest))).not.toContain(digestsOf(first)['tiny-1-amd64.efi']);
  });

  it('is the root when what is in it changes; what the image before had and this one has not is gone', async () => {
    const changed = join(lab, 'moved');
    await cp(bowl(), changed, { recursive: true });
    await build(changed, 'moved', ['--output', 'uki', 'oci']);
    await writeFile(join(changed, 'motd'), 'another\n');
    const run = await build(changed, 'moved', ['--output', 'oci']);
    expect(run, run.stderr).toMatchObject({ exitCode: 0 });
    const manifest = await readManifest(join(lab, 'moved/tiny'));
    expect(manifest.roots.amd64?.rootHash).not.toBe(first.roots.amd64?.rootHash);
    const { stdout } = await nodeHost().processes.run({
      argv: ['find', join(lab, 'moved/tiny'), '-type', 'f', '-printf', '%P\\n'],
      timeoutMs: 10_000,
    });
    const present = new TextDecoder().decode(stdout).trim().split('\n').toSorted();
    expect(present).toEqual(['manifest.json', ...manifest.files.map((file) => file.path)].toSorted());
  });
});

describe('the image ID', () => {
  it('is the same in the manifest, from `bowline id`, and of the same bowl elsewhere', async () => {
    const copy = join(lab, 'copy-for-id');
    await cp(bowl(), copy, { recursive: true });
    for (const folder of [bowl(), copy]) {
      const { imageId } = await bowlineJson<{ imageId: string }>(['id', folder], { env: { BOWLINE_CACHE: CACHE } });
      expect(imageId).toBe(first.imageId);
    }
    const debug = await bowlineJson<{ imageId: string }>(['id', copy, '--debug']);
    expect(debug.imageId).not.toBe(first.imageId);
  });
});
