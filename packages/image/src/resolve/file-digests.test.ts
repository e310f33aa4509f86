import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileDigests } from './file-digests.ts';

const signal = new AbortController().signal;
const later = () => new Date(Date.now() + 60_000);
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'digests-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('FileDigests', () => {
  it('remembers a settled file between runs, and reads it again when it changed', async () => {
    const [file, memory] = [path.join(folder, 'vendor.tar'), path.join(folder, 'digests.json')];
    await writeFile(file, 'one');
    const first = new FileDigests(memory, later, signal);
    const one = await first.digest(file);
    expect(one).toBe('sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed');
    await first.save();

    // A false memory shows that the second run did not read the file.
    const text = await readFile(memory, 'utf8');
    await writeFile(memory, text.replace(one, `sha256:${'0'.repeat(64)}`));
    expect(await new FileDigests(memory, later, signal).digest(file)).toBe(`sha256:${'0'.repeat(64)}`);

    await writeFile(file, 'two');
    await utimes(file, 1, 1);
    expect(await new FileDigests(memory, later, signal).digest(file)).toBe(
      'sha256:3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3',
    );
  });

  it('does not trust a file that changed just now, nor a broken memory', async () => {
    const [file, memory] = [path.join(folder, 'a'), path.join(folder, 'digests.json')];
    await writeFile(memory, '{"/a": 1');
    await writeFile(file, 'one');
    const digests = new FileDigests(memory, () => new Date(), signal);
    await digests.digest(file);
    await digests.save();
    expect(await readFile(memory, 'utf8')).toBe('{"/a": 1');
  });
});
