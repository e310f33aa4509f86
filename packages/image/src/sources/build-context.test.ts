import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sha256File } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveInside, scanContext, stageContext } from './build-context.ts';

const limits = { maxEntries: 100 };
const hashFile = async (file: string) => (await sha256File(file)).digest;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'context-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = async (name: string, text = name): Promise<void> => {
  await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
  await writeFile(path.join(folder, name), text);
};
const paths = async () => (await scanContext(folder, undefined, hashFile, limits)).entries.map((entry) => entry.path);

describe('a build context', () => {
  it('leaves out what .dockerignore names and the files of Bowline itself', async () => {
    for (const name of ['bowl.yaml', 'bowl.lock', 'app/main', 'out/disk.raw', 'out/keep.txt']) await write(name);
    await write('.dockerignore', 'out\n!out/keep.txt\n');
    expect(await paths()).toEqual(['app', 'app/main', 'out', 'out/keep.txt']);
  });

  it('has one digest whatever the umask of the checkout, and another when content or the x bit changes', async () => {
    await write('run.sh');
    const digest = async () => (await scanContext(folder, undefined, hashFile, limits)).digest;
    const first = await digest();
    await chmod(path.join(folder, 'run.sh'), 0o600);
    expect(await digest()).toBe(first);
    await chmod(path.join(folder, 'run.sh'), 0o755);
    const executable = await digest();
    expect(executable).not.toBe(first);
    await write('run.sh', 'other');
    expect(await digest()).not.toBe(executable);
  });

  it('is copied with normalised modes', async () => {
    await write('src/a');
    await symlink('/etc/passwd', path.join(folder, 'link'));
    await chmod(path.join(folder, 'src/a'), 0o640);
    const target = path.join(folder, 'bowl.lock');
    await stageContext(await scanContext(folder, undefined, hashFile, limits), target, hashFile, limits);
    expect((await stat(path.join(target, 'src/a'))).mode & 0o7777).toBe(0o644);
  });

  it('notices a file that changed between the look and the copy', async () => {
    await write('a');
    const scan = await scanContext(folder, undefined, hashFile, limits);
    await write('a', 'changed');
    await expect(stageContext(scan, path.join(folder, 'bowl.lock'), hashFile, limits)).rejects.toMatchObject({
      code: 'CONTEXT_INVALID',
    });
  });

  it('is limited in entries', async () => {
    await write('a');
    await write('b');
    await expect(scanContext(folder, undefined, hashFile, { maxEntries: 1 })).rejects.toThrow(/more than 1 entries/);
  });
});

describe('resolveInside', () => {
  it('refuses what leaves the folder of the bowl, also through a link', async () => {
    await mkdir(path.join(folder, 'bowl'));
    await write('secret');
    await symlink('../secret', path.join(folder, 'bowl/link'));
    for (const written of ['../secret', 'link', '/etc/passwd'])
      await expect(resolveInside({ bowlFolder: path.join(folder, 'bowl') }, written, 'context')).rejects.toMatchObject({
        code: 'CONTEXT_INVALID',
      });
  });

  it('lets paths lead to a bowl that this one extends', async () => {
    await mkdir(path.join(folder, 'bowl'));
    await write('other/Dockerfile');
    const place = { bowlFolder: path.join(folder, 'bowl'), extendedFolders: [path.join(folder, 'other')] };
    expect(await resolveInside(place, '../other/Dockerfile', 'x')).toMatch(/other\/Dockerfile$/);
  });

  it('says what is missing', async () => {
    await expect(resolveInside({ bowlFolder: folder }, 'nowhere', 'The Dockerfile')).rejects.toThrow(
      /The Dockerfile nowhere does not exist/,
    );
  });
});
