import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { furtherDisk } from './further-disk.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-disk-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a further disk of a machine', () => {
  it('is made empty and sparse, with its folder, when there is none', async () => {
    const path = join(folder, 'machines', 'edge.raw');
    expect(await furtherDisk({ path })).toEqual({ kind: 'disk', path, format: 'raw', durable: true });
    const { size, blocks } = await stat(path);
    expect([size, blocks]).toEqual([8 * 2 ** 30, 0]);
  });

  it('is taken as it is when it exists', async () => {
    const path = join(folder, 'kept.raw');
    await writeFile(path, Buffer.alloc(1024, 7));
    await furtherDisk({ path, sizeBytes: 4096 });
    expect((await stat(path)).size).toBe(1024);
  });

  it.each(['a folder', 'a file that no disk can be'])('is refused when it is %s', async (what) => {
    const path = what === 'a folder' ? folder : join(folder, 'note.txt');
    if (path !== folder) await writeFile(path, 'text');
    await expect(furtherDisk({ path })).rejects.toMatchObject({ code: 'IMAGE_UNSUITABLE' });
  });
});
