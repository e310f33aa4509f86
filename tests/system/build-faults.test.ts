import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { encodeHeader, NO_XATTRS, TAR_END, tarPadding } from '@bowline/formats';
import { LocalBlobStore, nodeHost } from '@bowline/host';
import { MEDIA_TYPES, writeOciLayout } from '@bowline/oci';
import type { BowlLock, Manifest } from '@bowline/spec';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openTarTree } from '../../packages/image/src/initrd/file-tree.ts';
import { bowline, bowlineJson } from './fixtures/cli.ts';
import {
  digestsOf,
  expectNobodyIn,
  expectNothingHalf,
  linkCache,
  readManifest,
  startBowline,
  writePinnedBowl,
} from './fixtures/tiny-build.ts';
import { writeTinyRoot } from './fixtures/tiny-root.ts';

const KERNEL = 'kernel: { debian: { suite: trixie, package: linux-image-cloud-amd64 } }';
const OUTPUTS = ['qcow2', 'iso', 'netboot', 'uki', 'oci'];
const ELF_MACHINE_AT = 18;
const AARCH64 = 0xb7;

let lab = '';
let lock: BowlLock;
let reference: Manifest;
let cases = 0;
const at = (...names: string[]): string => join(lab, ...names);
const env = (): Record<string, string> => ({ BOWLINE_CACHE: at('cache') });

beforeAll(async () => {
  lab = await mkdtemp(join(tmpdir(), 'bowline-faults-'));
  lock = await writePinnedBowl(at('bowl'), `outputs: [${OUTPUTS.join(', ')}]`);
  await linkCache(lock, at('cache'));
  await bowlineJson(['build', at('bowl'), '--out', at('reference')], { env: env() });
  reference = await readManifest(at('reference/tiny'));
});
afterAll(() => rm(lab, { recursive: true, force: true }));

/** A tar of plain files. */
function tarOf(files: Readonly<Record<string, Uint8Array | string>>): Buffer {
  const parts: Uint8Array[] = [];
  for (const [path, content] of Object.entries(files)) {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    const meta = { mode: 0o755, uid: 0, gid: 0, mtime: 1_700_000_000, deviceMajor: 0, deviceMinor: 0 };
    const entry = { path, type: 'file', size: bytes.length, linkname: '', ...meta, xattrs: NO_XATTRS } as const;
    parts.push(encodeHeader(entry), bytes, new Uint8Array(tarPadding(bytes.length)));
  }
  return Buffer.concat([...parts, TAR_END]);
}

/** A bowl in a folder of its own. */
async function bowlWith(lines: readonly string[]): Promise<string> {
  cases += 1;
  const folder = at(`case-${cases}`);
  await mkdir(folder);
  const head = ['apiVersion: bowline/v1', 'name: tiny', 'version: "1"', 'disk: { smallest: 4 GiB }', 'outputs: [uki]'];
  await writeFile(join(folder, 'bowl.yaml'), [...head, ...lines, ''].join('\n'));
  await writeFile(join(folder, 'bowl.lock'), await readFile(at('bowl/bowl.lock')));
  return folder;
}

interface Failure {
  exitCode: number;
  code: string;
  message: string;
  hint: string;
}

/** Runs a build that must fail, and leave nothing: no artefact, no changed lock, nothing half, nobody at work. */
async function failure(folder: string, flags: readonly string[] = []): Promise<Failure> {
  const before = await readFile(join(folder, 'bowl.lock'), 'utf8').catch(() => '');
  const run = await bowline(['build', folder, '--out', join(folder, 'out'), '--json', ...flags], { env: env() });
  expect(run.exitCode, run.stdout + run.stderr).not.toBe(0);
  await expect(access(join(folder, 'out/tiny'))).rejects.toThrow('ENOENT');
  expect(await readFile(join(folder, 'bowl.lock'), 'utf8').catch(() => '')).toBe(before);
  await expectNothingHalf(lab);
  await expectNobodyIn(lab);
  const { error } = JSON.parse(run.stdout) as { error: { code: string; message: string; hint?: string } };
  // For people the same is said on standard error, without a stack.
  expect(run.stderr).toContain(error.message);
  expect(run.stderr).not.toContain('    at ');
  return { exitCode: run.exitCode, hint: '', ...error };
}

describe('a base that cannot become a system', () => {
  it('has no init', async () => {
    const folder = await bowlWith(['base: { rootfs: app.tar }', KERNEL]);
    await writeFile(join(folder, 'app.tar'), tarOf({ 'etc/os-release': 'ID=app\n', 'usr/bin/app': '#!/bin/sh\n' }));
    const error = await failure(folder);
    expect(error).toMatchObject({ exitCode: 2, code: 'INIT_MISSING' });
    expect(error.message).toContain('rootfs app.tar has no init');
    expect(error.message).toContain('/sbin/init');
    expect(error.hint).toContain('packages:');
  });

  it('has no kernel', async () => {
    const folder = await bowlWith(['base: { rootfs: root.tar }', 'kernel: base']);
    await writeTinyRoot(join(folder, 'root.tar'), 'amd64');
    const error = await failure(folder);
    expect(error).toMatchObject({ exitCode: 2, code: 'KERNEL_MISSING' });
    expect(error.message).toContain('/usr/lib/modules');
    expect(error.hint).toContain('kernel:');
  });

  it('is for another architecture', async () => {
    const folder = await bowlWith(['base: { rootfs: root.tar }', KERNEL]);
    const init = new Uint8Array(await readFile('/usr/bin/env'));
    init[ELF_MACHINE_AT] = AARCH64;
    await writeFile(join(folder, 'root.tar'), tarOf({ 'sbin/init': init }));
    const error = await failure(folder);
    expect(error).toMatchObject({ exitCode: 2, code: 'ARCH_MISMATCH' });
    expect(error.message).toContain('/sbin/init of rootfs root.tar is for aarch64, but the image is for amd64');
    expect(error.hint).toContain('arch:');
  });

  it('is an image of another architecture only', async () => {
    const folder = await bowlWith(['base: { image: "oci:image" }', KERNEL]);
    await writeLayout(join(folder, 'image'), [{ tar: tarOf({ 'sbin/init': '#!/bin/sh\n' }) }], 'arm64');
    const error = await failure(folder);
    expect(error).toMatchObject({ exitCode: 2, code: 'PLATFORM_MISSING' });
    expect(error.message).toContain('amd64');
    expect(error.message + error.hint).toContain('arm64');
  });

  it('does not exist', async () => {
    const error = await failure(await bowlWith(['base: { rootfs: nowhere.tar }', KERNEL]));
    expect(error).toMatchObject({ exitCode: 2, code: 'SOURCE_MISSING' });
    expect(error.message).toContain('nowhere.tar does not exist');
    expect(error.hint).toContain('folder of the bowl');
  });
});

describe('a kernel that cannot start an image', () => {
  it('lacks a module', async () => {
    const folder = await bowlWith(['base: { rootfs: root.tar }', 'kernel: { rootfs: kernel.tar }']);
    await writeTinyRoot(join(folder, 'root.tar'), 'amd64');
    const store = await LocalBlobStore.open(at('cache/store'));
    const layer = lock.arch.amd64?.kernel?.layers[0]?.diffId ?? 'sha256:';
    const tree = await openTarTree(await store.path(layer));
    const version = reference.roots.amd64?.kernelVersion ?? '';
    const image =
      (await tree.read(`boot/vmlinuz-${version}`)) ?? (await tree.read(`usr/lib/modules/${version}/vmlinuz`));
    const builtin = (await tree.read(`usr/lib/modules/${version}/modules.builtin`)) ?? '';
    await writeFile(
      join(folder, 'kernel.tar'),
      tarOf({ [`boot/vmlinuz-${version}`]: image ?? '', [`usr/lib/modules/${version}/modules.builtin`]: builtin }),
    );
    const error = await failure(folder);
    expect(error).toMatchObject({ exitCode: 2, code: 'KERNEL_MODULE_MISSING' });
    expect(error.message).toContain(version);
    expect(error.message).toMatch(/squashfs|dm[-_]verity/);
    expect(error.hint).toContain('kernel:');
  });
});

interface TestLayer {
  tar: Uint8Array;
  gzip?: boolean;
  diffId?: `sha256:${string}`;
}

async function writeLayout(folder: string, layers: readonly TestLayer[], architecture = 'amd64') {
  return writeOciLayout({
    folder,
    image: { architecture },
    layers: layers.map(({ tar, gzip, diffId }) => ({
      mediaType: gzip ? MEDIA_TYPES.ociLayerGzip : MEDIA_TYPES.ociLayer,
      diffId: diffId ?? `sha256:${createHash('sha256').update(tar).digest('hex')}`,
      async *open() {
        yield gzip ? gzipSync(tar) : tar;
      },
    })),
    tag: 'latest',
  });
}

describe('an image layout whose layer', () => {
  const noise = (): Uint8Array => Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * index) % 251));

  async function damaged(edit: (blob: Buffer) => Buffer | undefined, layer: Partial<TestLayer> = {}): Promise<Failure> {
    const folder = await bowlWith(['base: { image: "oci:image" }', KERNEL]);
    const tar = tarOf({ 'sbin/init': '#!/bin/sh\n', [`data-${cases}`]: noise() });
    const { layers } = await writeLayout(join(folder, 'image'), [{ tar, gzip: true, ...layer }]);
    const path = join(folder, 'image/blobs/sha256', (layers[0]?.digest ?? '').slice('sha256:'.length));
    const edited = edit(await readFile(path));
    if (edited === undefined) await rm(path);
    else await writeFile(path, edited);
    return failure(folder);
  }

  it('has a flipped bit', async () => {
    const error = await damaged((blob) => {
      const middle = Math.floor(blob.length / 2);
      blob.writeUInt8(blob.readUInt8(middle) ^ 1, middle);
      return blob;
    });
    expect(error.exitCode).toBe(5);
    expect(error.message).toContain('image');
    expect(error.message).toMatch(/digest|sha256|damaged/);
    expect(error.hint).not.toBe('');
  });

  it('is cut short', async () => {
    const error = await damaged((blob) => blob.subarray(0, blob.length - 1000));
    expect(error.exitCode).toBe(5);
    expect(error.message).toMatch(/bytes|short|cut|truncated/);
    expect(error.hint).not.toBe('');
  });

  it('is missing', async () => {
    const error = await damaged(() => undefined);
    expect(error).toMatchObject({ exitCode: 4, code: 'NOT_FOUND' });
    expect(error.message).toContain('sha256:');
  });

  it('unpacks to something else than its diff ID', async () => {
    const error = await damaged((blob) => blob, { diffId: `sha256:${'0'.repeat(64)}` });
    expect(error).toMatchObject({ exitCode: 5, code: 'LAYER_INVALID' });
    expect(error.message).toContain('sha256:0000');
    expect(error.hint).not.toBe('');
  });

  it.each([
    ['unpacks to more than is allowed', ['--max-layer-size', '64 KiB'], '--max-layer-size'],
    ['is packed tighter than is allowed', ['--max-layer-ratio', '10'], '--max-layer-ratio'],
    ['has more files than are allowed', ['--max-layer-entries', '3'], '--max-layer-entries'],
  ])('%s', async (_what, flags, option) => {
    const folder = await bowlWith(['base: { image: "oci:image" }', KERNEL]);
    const files = Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`file-${cases}-${index}`, '']));
    const tar = tarOf({ ...files, zeros: new Uint8Array(100 * 2 ** 20) });
    await writeLayout(join(folder, 'image'), [{ tar, gzip: true }]);
    const error = await failure(folder, flags);
    expect(error).toMatchObject({ exitCode: 5, code: 'LAYER_TOO_LARGE' });
    expect(error.hint).toContain(option);
  });
});

describe('a full disk', () => {
  /** Builds with a small file system of its own at a folder, and says what was left on it. */
  async function onSmallDisk(
    folder: string,
    sizeMib: number,
    args: readonly string[],
  ): Promise<Failure & { left: string }> {
    const script =
      'mount -t tmpfs -o size="$0"m none "$1" || exit 99; d=$1; shift; "$@"; code=$?; find "$d" -type f ! -name "*.lock" -printf "left %P\\n" >&2; exit $code';
    await mkdir(folder, { recursive: true });
    const wrapper = ['unshare', '--mount', 'sh', '-c', script, String(sizeMib), folder];
    const run = await bowline([...args, '--json'], { env: env(), wrapper });
    await expectNobodyIn(lab);
    const { error } = JSON.parse(run.stdout) as { error: { code: string; message: string; hint: string } };
    return {
      exitCode: run.exitCode,
      ...error,
      left: run.stderr
        .split('\n')
        .filter((line) => line.startsWith('left '))
        .join('\n'),
    };
  }

  beforeEach((ctx) => {
    if (!nodeHost().isRoot) ctx.skip('only root can mount a small file system');
  });

  it.each([
    ['raw', 20],
    ['qcow2', 20],
    ['qcow2', 80],
    ['raw-zst', 80],
    ['iso', 60],
    ['netboot', 30],
    ['uki', 10],
    ['oci', 10],
  ])('while %s is written to %i MiB leaves nothing there', async (output, sizeMib) => {
    const folder = at('small', output);
    const error = await onSmallDisk(folder, sizeMib, ['build', at('bowl'), '--out', folder, '--output', output]);
    expect(error).toMatchObject({ exitCode: 6, code: 'DISK_FULL', left: '' });
    expect(error.message).toMatch(new RegExp(`^no space left on the disk that holds ${folder}/tiny(?:$|: )`));
    expect(error.message + error.hint).not.toContain('.partial');
    expect(error.hint).toContain('space');
  });

  it.each([
    ['derived', 20],
    ['derived', 40],
  ])('of the cache (%s, %i MiB) is told from one of the results', async (name, sizeMib) => {
    const folder = at('cache', name);
    const error = await onSmallDisk(folder, sizeMib, ['build', at('bowl'), '--out', at('full-out'), '--output', 'uki']);
    expect(error).toMatchObject({ exitCode: 6, code: 'DISK_FULL', left: '' });
    expect(error.message).toContain(`no space left on the disk that holds ${folder}`);
  });
});

describe('a build that is killed', () => {
  /** Name of a step in the lines of progress. */
  const STEPS = ['resolve', 'amd64 root', 'amd64 initrd', 'amd64 kernel image'];
  const TITLES = ['qcow2 image', 'ISO image', 'Network boot files', 'Unified kernel image', 'OCI image'].map(
    (title) => `amd64 ${title}`,
  );

  it.each([...STEPS, ...TITLES].map((step, index) => [step, index] as const))(
    'at "%s" is made good by the same command',
    async (step, index) => {
      const out = at(`killed-${index}`);
      if (STEPS.includes(step)) {
        for (const name of ['derived', 'initrd']) await forgetDerived(at('cache', name));
      }
      const args = ['build', at('bowl'), '--out', out];
      const run = startBowline(args, at('cache'));
      expect(await run.seen(new RegExp(`^${step} \\.\\.\\.`, 'm'))).toBe(true);
      // Somewhere inside the step, not at its beginning each time.
      await new Promise((resolve) => setTimeout(resolve, (index % 4) * 40));
      process.kill(run.pid, 'SIGKILL');
      await run.ended;
      await expectNobodyIn(lab);
      await expect(access(join(out, 'tiny/manifest.json'))).rejects.toThrow('ENOENT');
      const again = await bowline(args, { env: env() });
      expect(again, again.stderr).toMatchObject({ exitCode: 0 });
      expect(await readManifest(join(out, 'tiny'))).toEqual(reference);
      await expectNothingHalf(out);
      await expectNothingHalf(at('cache'));
      await rm(out, { recursive: true });
    },
  );
});

/** Removes results, not the records of packages. */
async function forgetDerived(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/^[0-9a-f]{64}$/.test(name)) await rm(join(folder, name), { recursive: true });
  }
}

describe('Ctrl-C', () => {
  it.each([
    ['amd64 root', 'SIGINT'],
    ['amd64 ISO image', 'SIGINT'],
    ['amd64 qcow2 image', 'SIGTERM'],
  ] as const)('during "%s" stops everything, and leaves the image before it as it was', async (step, signal) => {
    const out = at(`interrupted-${step.replaceAll(' ', '-')}`);
    const bowl = at('bowl');
    await bowlineJson(['build', bowl, '--out', out, '--output', 'uki'], { env: env() });
    const before = await readManifest(join(out, 'tiny'));
    await forgetDerived(at('cache/derived'));
    const run = startBowline(['build', bowl, '--out', out, '--debug'], at('cache'));
    expect(await run.seen(new RegExp(`^${step} \\.\\.\\.`, 'm'))).toBe(true);
    process.kill(run.pid, signal);
    const { exitCode, stderr } = await run.ended;
    expect([exitCode, stderr]).toEqual([130, expect.stringMatching(/stopped|interrupted/i)]);
    expect(stderr).not.toContain('fault of Bowline');
    await expectNobodyIn(lab);
    await expectNothingHalf(out);
    await expectNothingHalf(at('cache'));
    expect(await readdir(at('cache/scratch'))).toEqual([]);
    expect(await readManifest(join(out, 'tiny'))).toEqual(before);
    expect(digestsOf(before)).toMatchObject({ 'tiny-1-amd64.efi': digestsOf(reference)['tiny-1-amd64.efi'] });
    expect((await readdir(join(out, 'tiny'))).toSorted()).toEqual(['manifest.json', 'tiny-1-amd64.efi']);
  });
});
