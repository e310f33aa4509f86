import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { withScratchFolder } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { fileText } from '../plugins/run-plugin.testdata.ts';
import { folderModeFor } from './make-folders.ts';
import { writeSystemFile } from './write-system-file.ts';

let test: TestMachine;
const mounted: string[] = [];
const attributes = { mode: 0o644, owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 } };

const command = (...argv: [string, ...string[]]) => test.machine.processes.run({ argv, timeoutMs: 10_000 });

/** Mounts something below the machine; false where that is not allowed. */
async function mount(path: string, ...args: string[]): Promise<boolean> {
  const at = join(test.root, path);
  const isMounted = await command('mount', ...args, at).then(
    () => true,
    () => false,
  );
  if (isMounted) mounted.push(at);
  return isMounted;
}

beforeEach(async () => {
  test = await makeTestMachine({ files: { '/etc/motd': 'old\n' } });
});
afterEach(async () => {
  for (const at of mounted.splice(0).toReversed()) await command('umount', at);
  await test.remove();
});

describe('writeSystemFile', () => {
  it('leaves the old file and nothing else when the disk is full', async (ctx) => {
    await mkdir(join(test.root, '/small'));
    if (!(await mount('/small', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs'))) ctx.skip('mounting is not allowed');
    await writeFile(join(test.root, '/small/f'), 'old');
    const run = writeSystemFile(test.machine, '/small/f', 'x'.repeat(2 ** 20), attributes);
    await expect(run).rejects.toMatchObject({
      code: 'STEP_FAILED',
      message: '/small/f does not fit: the disk is full',
    });
    expect(await fileText(test, '/small/f')).toBe('old');
    expect(await readdir(join(test.root, '/small'))).toEqual(['f']);
  });

  it('says that a file system is read-only, and is content when the file is as wanted', async (ctx) => {
    await mkdir(join(test.root, '/fixed'));
    await writeFile(join(test.root, '/fixed/f'), 'old');
    const bound = await mount('/fixed', '--bind', join(test.root, '/fixed'));
    if (!bound || !(await mount('/fixed', '-o', 'remount,bind,ro'))) ctx.skip('mounting is not allowed');
    mounted.pop();
    const run = writeSystemFile(test.machine, '/fixed/f', 'new', attributes);
    await expect(run).rejects.toMatchObject({ code: 'STEP_FAILED', message: expect.stringMatching(/read-only/) });
    expect(await writeSystemFile(test.machine, '/fixed/f', 'old', attributes)).toBe(false);
  });

  it('writes to a file that is a mount of its own, as container engines make them', async (ctx) => {
    await writeFile(join(test.root, 'outside'), 'a much longer old content');
    if (!(await mount('/etc/motd', '--bind', join(test.root, 'outside')))) ctx.skip('mounting is not allowed');
    expect(await writeSystemFile(test.machine, '/etc/motd', 'new\n', attributes)).toBe(true);
    expect(await fileText(test, '/outside')).toBe('new\n');
    expect(await writeSystemFile(test.machine, '/etc/motd', 'new\n', attributes)).toBe(false);
  });

  it('never shows a reader half of a file', async () => {
    const texts = ['a', 'b'].map((letter) => letter.repeat(300_000));
    await writeSystemFile(test.machine, '/etc/big', texts[0] ?? '', attributes);
    let done = false;
    const writing = (async () => {
      for (let turn = 1; turn < 20; turn += 1)
        await writeSystemFile(test.machine, '/etc/big', texts[turn % 2] ?? '', attributes);
      done = true;
    })();
    while (!done) expect(texts).toContain(await fileText(test, '/etc/big'));
    await writing;
  });

  it('hands values to the kernel, once, and keeps its mode', async () => {
    await mkdir(join(test.root, '/sys/power'), { recursive: true });
    await writeFile(join(test.root, '/sys/power/state'), 'off\n', { mode: 0o600 });
    expect(await writeSystemFile(test.machine, '/sys/power/state', 'on', attributes)).toBe(true);
    expect(await writeSystemFile(test.machine, '/sys/power/state', 'on\n', attributes)).toBe(false);
    expect(await readdir(join(test.root, '/sys/power'))).toEqual(['state']);
    expect((await stat(join(test.root, '/sys/power/state'))).mode & 0o777).toBe(0o600);
  });

  it('does not depend on the umask', async () => {
    const umask = process.umask(0o077);
    await writeSystemFile(test.machine, '/opt/a/f', 'x', attributes);
    process.umask(umask);
    expect((await stat(join(test.root, '/opt/a/f'))).mode & 0o777).toBe(0o644);
    expect((await stat(join(test.root, '/opt/a'))).mode & 0o777).toBe(0o755);
  });

  it('sweeps what a run that was killed left beside the file', async () => {
    const own = await withScratchFolder(test.root, async (folder) => basename(folder));
    // The same process number, but of a process that started at another time.
    const left = join(test.root, '/etc', own.replace(/-(\d+)-([0-9a-f]{12})$/, '-1-$2'));
    await mkdir(left);
    await writeFile(join(left, 'motd'), 'half');
    await writeSystemFile(test.machine, '/etc/motd', 'new\n', attributes);
    expect((await readdir(join(test.root, '/etc'))).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});

it.each([
  [0o644, 0o755],
  [0o600, 0o700],
  [0o640, 0o750],
  [0o4755, 0o755],
  [0o0, 0o700],
])('a file of mode %o gets folders of mode %o', (file, folder) => {
  expect(folderModeFor(file)).toBe(folder);
});
