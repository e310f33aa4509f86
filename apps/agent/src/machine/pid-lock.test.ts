import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { nodeHost } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withPidLock } from './pid-lock.ts';

let folder = '';
let lock = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-lock-'));
  lock = join(folder, 'run/lock');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a lock that names its holder', () => {
  it('lets one in at a time, and leaves nothing behind', async () => {
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await setTimeout(5);
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 8 }, () => withPidLock(lock, {}, work)));
    expect(most).toBe(1);
    expect(await readdir(join(folder, 'run'))).toEqual([]);
  });

  it('is free again after the work failed', async () => {
    await expect(withPidLock(lock, {}, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await withPidLock(lock, {}, () => Promise.resolve('mine'))).toBe('mine');
  });

  it.each([
    ['a process that was killed', async () => `${await deadProcess()} 1\n`],
    ['an earlier process of the same number', async () => `${process.pid} 1\n`],
    ['nobody', async () => ''],
  ])('is taken from %s', async (_who, holder) => {
    await withPidLock(lock, {}, () => Promise.resolve());
    await writeFile(lock, await holder());
    expect(await withPidLock(lock, {}, () => readFile(lock, 'utf8'))).toMatch(`${process.pid} `);
  });

  it('tells once that it waits, and stops waiting when asked to', async () => {
    const stopper = new AbortController();
    const said: string[] = [];
    await withPidLock(lock, {}, async () => {
      const onWait = (): void => void said.push('waiting');
      const second = withPidLock(lock, { onWait, signal: stopper.signal }, () => Promise.resolve());
      await setTimeout(250);
      stopper.abort();
      await expect(second).rejects.toMatchObject({ name: 'AbortError' });
    });
    expect(said).toEqual(['waiting']);
  });
});

async function deadProcess(): Promise<number> {
  const child = nodeHost().processes.spawn({ argv: ['true'], timeoutMs: 10_000 });
  await child.exited;
  return child.pid;
}
