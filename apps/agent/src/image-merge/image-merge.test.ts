import { chmod, lstat, mkdir, readFile, readlink, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Host, nodeHost } from '@bowline/host';
import { IMAGE_ROOT_FOLDER, SOURCE_EPOCH, STATE_FOLDER } from '@bowline/os-layout';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { DELIVERED_FILE, readDelivered, readDeliveredImage } from './delivered-record.ts';
import { mergeImage, mergeText } from './merge-image.ts';
import { readTree } from './read-tree.ts';

/** Path below the root to content; null for a folder, `-> x` for a link. */
type Files = Readonly<Record<string, string | null>>;

let test: TestMachine | undefined;
afterEach(() => test?.remove());

async function write(top: string, files: Files, mtime = SOURCE_EPOCH): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const file = join(top, path);
    await mkdir(dirname(file), { recursive: true });
    if (content === null) await mkdir(file, { recursive: true });
    else if (content.startsWith('-> ')) await symlink(content.slice(3), file);
    else {
      await rm(file, { recursive: true, force: true });
      await writeFile(file, content);
      await utimes(file, mtime, mtime);
    }
  }
}

/** A machine whose state was seeded from the first image, as the initrd does it. */
async function machineWith(first: Files, host: Partial<Host> = {}) {
  test = await makeTestMachine({ host, files: { '/run/bowline/boot.conf': 'MODE=disk\n' } });
  const { root, machine } = test;
  const [image, state] = [join(root, IMAGE_ROOT_FOLDER), join(root, STATE_FOLDER)];
  await mkdir(join(state, '.bowline'), { recursive: true });
  await mkdir(join(root, 'usr/bin'), { recursive: true });
  await symlink('/bin/cp', join(root, 'usr/bin/cp'));
  await symlink('/bin/true', join(root, 'usr/bin/sync'));
  for (const top of ['var', 'home', 'root', 'oem']) await mkdir(join(state, top), { recursive: true });
  const start = async (id: string, files: Files) => {
    await rm(image, { recursive: true, force: true });
    for (const top of ['var', 'home', 'root', 'oem']) await mkdir(join(image, top), { recursive: true });
    await write(image, files);
    await writeFile(join(root, 'run/bowline/image.conf'), `IMAGE_ID=sha256:${id}\nNAME=n\nVERSION=1\n`);
    return mergeImage(machine);
  };
  await write(state, first);
  await start('1', first);
  const look = async (): Promise<Record<string, string | null>> => {
    const tree = await readTree(state, ['var', 'home', 'root', 'oem'], { without: new Set(), signal: machine.signal });
    const found: Record<string, string | null> = {};
    for (const [path, { type }] of tree) {
      const file = join(state, path);
      found[path] =
        type === 'folder' ? null : type === 'link' ? `-> ${await readlink(file)}` : await readFile(file, 'utf8');
    }
    return found;
  };
  return { machine, state, image, start, look };
}

const NOW = SOURCE_EPOCH + 1000;

describe('a change of version', () => {
  it('follows the image where nobody changed anything, and keeps what the machine changed', async () => {
    const { state, start, look } = await machineWith({
      'var/same': 'same',
      'var/changed': 'one',
      'var/edited': 'one',
      'var/edited-alone': 'one',
      'var/dropped': 'one',
      'var/dropped-edited': 'one',
      'var/old/empty/file': 'one',
      'var/old/used/file': 'one',
      'var/link': '-> one',
      'var/deleted': 'one',
      'home/.profile': 'one',
    });
    await write(state, { 'var/edited': 'own', 'var/edited-alone': 'own', 'var/dropped-edited': 'own' }, NOW);
    await write(state, { 'var/old/used/mine': 'own', 'var/log/mine': 'own' }, NOW);
    await rm(join(state, 'var/deleted'));
    const merge = await start('2', {
      'var/same': 'same',
      'var/changed': 'two',
      'var/edited': 'two',
      'var/edited-alone': 'one',
      'var/link': '-> two',
      'var/deleted': 'two',
      'var/new/folder/file': 'two',
      'home/.profile': 'two',
    });
    const folders = { 'var/log': null, 'var/new': null, 'var/new/folder': null, 'var/old': null, 'var/old/used': null };
    expect(await look()).toEqual({
      ...folders,
      'var/same': 'same',
      'var/changed': 'two',
      'var/edited': 'own',
      'var/edited-alone': 'own',
      'var/dropped-edited': 'own',
      'var/old/used/mine': 'own',
      'var/log/mine': 'own',
      'var/link': '-> two',
      'var/new/folder/file': 'two',
      'home/.profile': 'two',
    });
    expect(merge?.kept).toEqual(['var/edited', 'var/dropped-edited']);
    expect(mergeText(merge ?? { added: 0, replaced: 0, removed: 0, kept: [] })).toMatch(
      /^files of the new version: 1 added, 3 replaced, \d removed; changed .* kept: \/var\/edited, \/var\/dropped-edited$/,
    );
  });

  it('knows content from time: touched is not changed, and the same time is not the same content', async () => {
    const { state, start, look } = await machineWith({ 'var/touched': 'one', 'var/sly': 'one' });
    await utimes(join(state, 'var/touched'), NOW, NOW);
    await write(state, { 'var/sly': 'own' }, NOW);
    await start('2', { 'var/touched': 'two', 'var/sly': 'two' });
    expect(await look()).toEqual({ 'var/touched': 'two', 'var/sly': 'own' });
  });

  it('changes owner and permissions of what nobody gave others', async () => {
    const { state, image, start, machine } = await machineWith({ 'var/a/x': '', 'var/b/x': '' });
    await chmod(join(state, 'var/b'), 0o700);
    const prepare = { 'var/a/x': '', 'var/b/x': '' };
    // The image is written by start; its folders get their modes in a version of their own.
    await start('2', prepare);
    for (const name of ['a', 'b']) await chmod(join(image, 'var', name), 0o750);
    await writeFile(machine.locate('/run/bowline/image.conf'), 'IMAGE_ID=sha256:3\n');
    await mergeImage(machine);
    const mode = async (name: string) => (await lstat(join(state, 'var', name))).mode & 0o777;
    expect([await mode('a'), await mode('b')]).toEqual([0o750, 0o700]);
  });

  it('makes a file a folder, and keeps a folder that should become a link', async () => {
    const { start, look } = await machineWith({ 'var/grows/x': 'one', 'var/file': 'one' });
    const merge = await start('2', { 'var/grows': '-> elsewhere', 'var/file/below/x': 'two' });
    expect(await look()).toMatchObject({ 'var/grows': null, 'var/file': null, 'var/file/below/x': 'two' });
    expect(merge?.kept).toEqual(['var/grows']);
  });

  it('only adds when nobody knows what the image before delivered', async () => {
    const { machine, start, look } = await machineWith({ 'var/a': 'one', 'var/gone': 'one' });
    await writeFile(machine.locate(DELIVERED_FILE), 'delivered 1 sha256:1\n["var/a",0');
    await start('2', { 'var/a': 'two', 'var/b': 'two' });
    expect(await look()).toEqual({ 'var/a': 'one', 'var/b': 'two', 'var/gone': 'one' });
  });

  it('is one only once, and none where the state is in memory', async () => {
    const { machine, start } = await machineWith({ 'var/a': 'one' });
    expect(await start('1', { 'var/a': 'two' })).toBeUndefined();
    await writeFile(machine.locate('/run/bowline/boot.conf'), 'MODE=recovery\n');
    expect(await start('2', { 'var/a': 'two' })).toBeUndefined();
    expect(await readDeliveredImage(machine)).toBe('sha256:1');
  });
});

describe('an interrupted change of version', () => {
  it('comes to the same at the next start, whichever program was the last', async () => {
    const first = { 'var/a': 'one', 'var/b': 'one', 'var/c/x': 'one' };
    const second = { 'var/a': 'two', 'var/b': 'two', 'var/d/x': 'two' };
    for (let after = 0; ; after += 1) {
      let left = Number.POSITIVE_INFINITY;
      const real = nodeHost().processes;
      const processes: Host['processes'] = {
        spawn: (spec) => real.spawn(spec),
        run: (spec) => {
          left -= 1;
          return left < 0 ? Promise.reject(new Error('power cut')) : real.run(spec);
        },
      };
      const { start, look, machine } = await machineWith(first, { processes });
      left = after;
      const done = await start('2', second).then(
        () => true,
        () => false,
      );
      expect(await readDeliveredImage(machine)).toBe(done ? 'sha256:2' : 'sha256:1');
      left = Number.POSITIVE_INFINITY;
      await start('2', second);
      expect(await look()).toEqual({ 'var/a': 'two', 'var/b': 'two', 'var/d': null, 'var/d/x': 'two' });
      await test?.remove();
      if (done) break;
    }
  });
});

describe('there and back', () => {
  const files = fc.dictionary(
    fc.constantFrom('var/a', 'var/b', 'var/c/d', 'var/c/e', 'home/f', 'root/.g'),
    fc.constantFrom('one', 'two', 'six', 'longer'),
  );

  it('ends as the image is when the machine changed nothing', async () => {
    await fc.assert(
      fc.asyncProperty(files, files, async (first, second) => {
        const { start, look, machine } = await machineWith(first);
        await start('2', second);
        const withFolders = (wanted: Files): Files => ({
          ...wanted,
          ...(Object.keys(wanted).some((path) => path.startsWith('var/c/')) ? { 'var/c': null } : {}),
        });
        expect(await look()).toEqual(withFolders(second));
        await start('1', first);
        expect(await look()).toEqual(withFolders(first));
        expect([...((await readDelivered(machine)) ?? [])].length).toBe(Object.keys(withFolders(first)).length);
        await test?.remove();
      }),
      { numRuns: 25 },
    );
  });
});
