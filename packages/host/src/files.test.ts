import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withFileLock } from './file-lock.ts';
import { NodeProcesses } from './node-processes.ts';
import { processTag } from './process-identity.ts';
import { withScratchFolder } from './scratch-folder.ts';
import { sha256File } from './sha256-file.ts';
import { copySparse } from './sparse-copy.ts';
import { SparseFile } from './sparse-file.ts';
import { writeFileAtomic } from './write-file-atomic.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('withFileLock', () => {
  it('lets one in at a time, and tells who waits', async () => {
    const path = join(folder, 'lock');
    const log: string[] = [];
    const first = withFileLock(path, {}, async () => {
      log.push('first in');
      await sleep(200);
      log.push('first out');
    });
    await sleep(80);
    await withFileLock(path, { onWait: () => log.push('second waits') }, async () => void log.push('second in'));
    await first;
    expect(log).toEqual(['first in', 'second waits', 'first out', 'second in']);
  });

  it('is free again after kill -9 of its holder', async () => {
    const path = join(folder, 'lock');
    const script = `
      import { withFileLock } from ${JSON.stringify(new URL('./file-lock.ts', import.meta.url).href)};
      await withFileLock(${JSON.stringify(path)}, {}, async () => {
        console.log('held');
        await new Promise((resolve) => setTimeout(resolve, 60000));
      });`;
    const holder = new NodeProcesses().spawn({
      argv: [process.execPath, '--input-type=module', '-e', script],
      timeoutMs: 20_000,
    });
    for await (const _ of holder.output) break;
    process.kill(holder.pid, 'SIGKILL');
    await withFileLock(path, { signal: AbortSignal.timeout(5000) }, async () => undefined);
  });

  it('stops waiting when aborted, and frees the lock when the work fails', async () => {
    const path = join(folder, 'lock');
    await expect(
      withFileLock(path, {}, () => withFileLock(path, { signal: AbortSignal.timeout(100) }, async () => undefined)),
    ).rejects.toMatchObject({ code: 'ABORTED' });
    await withFileLock(path, { onWait: () => expect.unreachable('the lock was left held') }, async () => undefined);
  });
});

describe('withScratchFolder', () => {
  it('removes its folder when the work fails, folders without permission too', async () => {
    await expect(
      withScratchFolder(folder, async (scratch) => {
        await mkdir(join(scratch, 'closed'), { mode: 0o500 });
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await readdir(folder)).toEqual([]);
  });

  it('removes what a killed process left, and nothing of a living one', async () => {
    const [namespace] = processTag().split('-');
    const stale = `.scratch-${namespace}-${spawnSync('true').pid}-1-0123456789ab`;
    const living = `.scratch-${processTag()}-0123456789ab`;
    for (const name of [stale, living, 'mine']) await mkdir(join(folder, name));
    await withScratchFolder(folder, async () => undefined);
    expect((await readdir(folder)).toSorted()).toEqual([living, 'mine'].toSorted());
  });
});

describe('writeFileAtomic', () => {
  it('replaces the file whole, with the mode asked for', async () => {
    const path = join(folder, 'file');
    await writeFile(path, 'a much longer old content');
    await writeFileAtomic(path, 'new', 0o640);
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    expect(await readdir(folder)).toEqual(['file']);
  });

  it('leaves nothing behind when it cannot write', async () => {
    await mkdir(join(folder, 'taken'));
    await expect(writeFileAtomic(join(folder, 'taken'), 'x')).rejects.toThrow();
    expect(await readdir(folder)).toEqual(['taken']);
  });
});

describe('copySparse', () => {
  it('copies bytes to their place and leaves holes where zeros are', async () => {
    const from = join(folder, 'from');
    const data = Buffer.alloc(3 * 2 ** 20 + 17);
    data.fill('x', 2 ** 20, 2 ** 20 + 5000);
    data[data.length - 1] = 1;
    await writeFile(from, data);
    const to = await open(join(folder, 'to'), 'w+');
    try {
      expect(await copySparse({ path: from }, to, 4096)).toBe(data.length);
      expect((await readFile(join(folder, 'to'))).subarray(4096).equals(data)).toBe(true);
      expect((await to.stat()).blocks * 512).toBeLessThan(64 * 1024);
    } finally {
      await to.close();
    }
  });

  it('refuses a source that is too short', async () => {
    await writeFile(join(folder, 'from'), 'abc');
    const to = await open(join(folder, 'to'), 'w');
    try {
      await expect(copySparse({ path: join(folder, 'from'), lengthBytes: 4 }, to, 0)).rejects.toMatchObject({
        code: 'FILE_TOO_SHORT',
      });
    } finally {
      await to.close();
    }
  });
});

describe('SparseFile', () => {
  const create = (name: string, signal?: AbortSignal) => SparseFile.create(join(folder, name), { hash: true, signal });

  it('writes bytes and files to their places, leaves holes between, and knows the digest of the whole', async () => {
    const content = Buffer.alloc(2 ** 20 + 17, 'y');
    await writeFile(join(folder, 'from'), content);
    const file = await create('to');
    await file.write(0, Buffer.from('head'));
    await file.copy(3 * 2 ** 20, { path: join(folder, 'from'), offsetBytes: 7, lengthBytes: 2 ** 20 });
    await file.copy(5 * 2 ** 20, { path: join(folder, 'from') });
    const { digest, sizeBytes } = await file.finish(8 * 2 ** 20 + 5);
    await file.close();
    const whole = Buffer.alloc(8 * 2 ** 20 + 5);
    whole.write('head');
    content.copy(whole, 3 * 2 ** 20, 7, 7 + 2 ** 20);
    content.copy(whole, 5 * 2 ** 20);
    const read = await readFile(join(folder, 'to'));
    expect(read.equals(whole)).toBe(true);
    expect(digest).toBe(`sha256:${createHash('sha256').update(whole).digest('hex')}`);
    expect(sizeBytes).toBe(whole.length);
    expect((await stat(join(folder, 'to'))).blocks * 512).toBeLessThan(3 * 2 ** 20);
  });

  it('refuses to go back, and a source that is too short', async () => {
    await writeFile(join(folder, 'from'), 'abc');
    const file = await create('to');
    await file.write(10, Buffer.from('abc'));
    await expect(file.write(12, Buffer.from('x'))).rejects.toThrow(RangeError);
    await expect(file.copy(20, { path: join(folder, 'from'), lengthBytes: 4 })).rejects.toMatchObject({
      code: 'FILE_TOO_SHORT',
    });
    await file.close();
  });

  it('stops when it is told to, also within a hole', async () => {
    const file = await create('to', AbortSignal.abort());
    await expect(file.finish(2 ** 30)).rejects.toMatchObject({ code: 'ABORTED' });
    await file.close();
  });
});

describe('sha256File', () => {
  it('gives digest and size', async () => {
    await writeFile(join(folder, 'file'), 'hello');
    expect(await sha256File(join(folder, 'file'))).toEqual({
      digest: 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
      sizeBytes: 5,
    });
  });
});
