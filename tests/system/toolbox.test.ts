import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BlobStore, LocalBlobStore, missingNeeds, nodeHost, type TaskProgress } from '@bowline/host';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bubblewrap, chroot, type Entrance } from '../../packages/image/src/toolbox/enter-toolbox.ts';
import { type PrepareToolboxOptions, prepareToolbox } from '../../packages/image/src/toolbox/prepare-toolbox.ts';
import type { Toolbox, ToolboxRun } from '../../packages/image/src/toolbox/toolbox.ts';

const host = nodeHost();
const silent: TaskProgress = {
  task: (_title, work) => work(silent),
  warn: () => undefined,
  bytes: () => undefined,
  note: () => undefined,
};

let cache: string;
let shared: string;
let store: BlobStore;
let toolbox: Toolbox | undefined;
let missing: string | undefined;

function options(changes: Partial<PrepareToolboxOptions> = {}): PrepareToolboxOptions {
  const signal = new AbortController().signal;
  return { host, cacheFolder: cache, store, progress: silent, signal, offline: false, ...changes };
}

beforeAll(async () => {
  const needs = await missingNeeds(
    ['mmdebstrap', 'bwrap'].map((name) => ({ title: name, anyOf: [name], debianPackages: [name] })),
  );
  missing = needs.length > 0 ? `not installed: ${needs.map((need) => need.title).join(', ')}` : undefined;
  cache = await mkdtemp(join(tmpdir(), 'bowline-toolbox-'));
  shared = join(cache, 'shared');
  await mkdir(shared);
  store = await LocalBlobStore.open(join(cache, 'store'));
  if (missing === undefined) toolbox = await prepareToolbox(options());
});
afterAll(() => rm(cache, { recursive: true, force: true }));

function prepared(ctx: { skip(reason: string): never }): Toolbox {
  return toolbox ?? ctx.skip(missing ?? 'no toolbox');
}

describe('the toolbox', () => {
  it.for<[argv: [string, ...string[]], words: string]>([
    [['sqfstar', '-version'], 'sqfstar version 4.6'],
    [['veritysetup', '--version'], 'veritysetup 2.7'],
    [['xorriso', '-version'], 'xorriso 1.5.6'],
    [['qemu-img', '--version'], 'qemu-img version 10'],
    [['sgdisk', '--version'], 'GPT fdisk'],
    [['depmod', '--version'], 'kmod version 34'],
    [['sbsign', '--version'], 'sbsign'],
    [['mcopy', '--version'], 'GNU mtools'],
    [['mkfs.vfat', '--help'], 'mkfs.fat'],
    [['mke2fs', '-V'], 'mke2fs 1.47'],
    [['grub-mkimage', '--version'], 'GRUB'],
    [['zstd', '--version'], 'v1.5'],
    [['xz', '--version'], 'xz (XZ Utils) 5'],
    [['dpkg-deb', '--version'], 'Debian'],
  ])('has %j', async ([argv, words], ctx) => {
    const result = await prepared(ctx).run({ argv, binds: [], timeoutMs: 20_000, okExitCodes: [0, 1] });
    expect(Buffer.from(result.stdout).toString() + result.stderrTail).toContain(words);
  });

  it('has the boot code of both architectures', async (ctx) => {
    const { root } = prepared(ctx);
    for (const name of ['linuxx64.efi.stub', 'linuxaa64.efi.stub', 'systemd-bootx64.efi', 'systemd-bootaa64.efi']) {
      const image = await readFile(join(root, 'usr/lib/systemd/boot/efi', name));
      expect(image.subarray(0, 2).toString()).toBe('MZ');
    }
    expect((await readFile(join(root, 'usr/lib/grub/i386-pc/boot.img'))).length).toBe(512);
  });

  it('is there at once the second time, and from the store when its folder is gone, without network', async (ctx) => {
    const first = prepared(ctx);
    const startedMs = performance.now();
    expect((await prepareToolbox(options({ offline: true }))).digest).toBe(first.digest);
    expect(performance.now() - startedMs).toBeLessThan(2000);
    await rm(first.root, { recursive: true });
    const [one, other] = await Promise.all([1, 2].map(() => prepareToolbox(options({ offline: true }))));
    expect(one?.root).toBe(first.root);
    await other?.run({ argv: ['true'], binds: [], timeoutMs: 20_000 });
  });

  it('says so when it must not fetch what is not there', async (ctx) => {
    prepared(ctx);
    const empty = join(cache, 'empty');
    const emptyStore = await LocalBlobStore.open(join(empty, 'store'));
    await expect(
      prepareToolbox(options({ cacheFolder: empty, store: emptyStore, offline: true })),
    ).rejects.toMatchObject({ code: 'OFFLINE_MISSING' });
  });
});

const ENTRANCES: [name: string, make: (root: string) => Entrance][] = [
  [
    'bubblewrap',
    (root) =>
      bubblewrap(host, root, [
        ['bin', 'usr/bin'],
        ['lib', 'usr/lib'],
        ['lib64', 'usr/lib64'],
      ]),
  ],
  ['chroot', (root) => chroot(root)],
];

describe.each(ENTRANCES)('inside, by %s', (name, make) => {
  function enter(ctx: { skip(reason: string): never }): (spec: Omit<ToolboxRun, 'timeoutMs'>) => Promise<string> {
    const { root } = prepared(ctx);
    if (name === 'chroot' && !host.isRoot) return ctx.skip('only root can do without bubblewrap');
    const entrance = make(root);
    return async (spec) => {
      const result = await host.processes.run(entrance.process({ timeoutMs: 20_000, ...spec }));
      return Buffer.from(result.stdout).toString();
    };
  }

  it('nothing of the host is seen, and there is no network', async (ctx) => {
    const run = enter(ctx);
    await expect(run({ argv: ['ls', cache], binds: [] })).rejects.toThrow('No such file');
    await expect(run({ argv: ['ls', '/home'], binds: [] })).rejects.toThrow('No such file');
    const devices = (await run({ argv: ['cat', '/proc/net/dev'], binds: [] })).split('\n').slice(2);
    expect(devices.filter((line) => line.trim() !== '').map((line) => line.trim().split(':')[0])).toEqual(['lo']);
    const pids = (await run({ argv: ['ls', '/proc'], binds: [] })).split('\n').filter((entry) => /^\d+$/.test(entry));
    expect(pids.length).toBeLessThan(5);
  });

  it('the environment is fixed', async (ctx) => {
    const lines = (await enter(ctx)({ argv: ['env'], binds: [], env: { MINE: '1' } })).trim().split('\n');
    expect(
      lines
        .map((line) => line.split('=')[0])
        .filter((key) => key !== 'PWD')
        .toSorted((a = '', b = '') => a.localeCompare(b)),
    ).toEqual(['HOME', 'LANG', 'MINE', 'PATH', 'SOURCE_DATE_EPOCH', 'TZ']);
  });

  it('the root and read-only binds hold, writable ones write', async (ctx) => {
    const run = enter(ctx);
    const binds = (writable: boolean) => [{ source: shared, target: '/work/shared', writable }];
    await expect(run({ argv: ['touch', '/usr/file'], binds: [] })).rejects.toThrow('Read-only file system');
    await expect(run({ argv: ['touch', '/file'], binds: [] })).rejects.toThrow('Read-only file system');
    await expect(run({ argv: ['touch', '/work/shared/file'], binds: binds(false) })).rejects.toThrow('Read-only');
    await run({ argv: ['touch', `/work/shared/${name}`], binds: binds(true) });
    expect(await readFile(join(shared, name), 'utf8')).toBe('');
    await writeFile(join(shared, 'one'), 'one file');
    const file = [{ source: join(shared, 'one'), target: '/in/one', writable: false }];
    expect(await run({ argv: ['cat', '/in/one'], binds: file })).toBe('one file');
  });

  it('standard input is fed', async (ctx) => {
    const stdin = { kind: 'bytes', bytes: Buffer.from('hello') } as const;
    expect(await enter(ctx)({ argv: ['cat'], binds: [], stdin })).toBe('hello');
  });

  it('a failing tool is named, not the way in', async (ctx) => {
    await expect(enter(ctx)({ argv: ['ls', '/nowhere'], binds: [] })).rejects.toThrow(/^ls failed with exit code 2/);
  });

  it('everything dies with a parent that is killed with SIGKILL', async (ctx) => {
    const { root } = prepared(ctx);
    if (name === 'chroot' && !host.isRoot) ctx.skip('only root can do without bubblewrap');
    const marker = `7${String(process.pid)}${name.length}`;
    const { argv } = make(root).process({ argv: ['sleep', marker], binds: [], timeoutMs: 60_000 });
    const script = `
      import { NodeProcesses } from ${JSON.stringify(join(import.meta.dirname, '../../packages/host/src/index.ts'))};
      await new NodeProcesses().run({ argv: ${JSON.stringify(argv)}, timeoutMs: 60000 });`;
    const parent = host.processes.spawn({
      argv: [process.execPath, '--input-type=module', '-e', script],
      timeoutMs: 60_000,
    });
    const isRunning = () =>
      host.processes
        .run({ argv: ['pgrep', '-fx', `sleep ${marker}`], okExitCodes: [0, 1], timeoutMs: 5000 })
        .then((result) => result.exitCode === 0);
    const until = async (wanted: boolean) => {
      for (let tries = 0; tries < 100 && (await isRunning()) !== wanted; tries++) await sleep(100);
      return isRunning();
    };
    expect(await until(true)).toBe(true);
    process.kill(parent.pid, 'SIGKILL');
    expect(await until(false)).toBe(false);
  });
});
