import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { makeTestMachine, type TestFiles, type TestMachine } from '../machine/test-machine.testdata.ts';

/** A test machine with a shell. */
export async function makeStageMachine(options: Parameters<typeof makeTestMachine>[0] = {}): Promise<TestMachine> {
  const test = await makeTestMachine(options);
  await mkdir(join(test.root, 'usr/bin'), { recursive: true });
  await symlink('/bin/sh', join(test.root, 'usr/bin/sh'));
  return test;
}

/** Files below a folder of the machine with their texts, by name. */
export async function readFiles(root: string, folder: string): Promise<TestFiles> {
  const top = join(root, folder);
  const entries = await readdir(top, { withFileTypes: true, recursive: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(
    files.map(async (path) => [relative(top, path), await readFile(path, 'utf8')] as const),
  );
  return Object.fromEntries(texts.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
