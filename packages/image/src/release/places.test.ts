import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findReleaseFolders } from './places.ts';

let work = '';
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'bowline-places-'));
});
afterEach(() => rm(work, { recursive: true, force: true }));

async function layout(...path: string[]): Promise<string> {
  const folder = join(work, ...path);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'oci-layout'), '{}');
  return folder;
}

describe('the releases of a folder', () => {
  it('are the folder itself, those of a build, or those of all builds', async () => {
    const amd64 = await layout('out', 'edge', 'edge-2-amd64-release');
    const arm64 = await layout('out', 'edge', 'edge-2-arm64-release');
    await layout('out', 'edge', 'edge-2-amd64-oci');
    expect(await findReleaseFolders(amd64)).toEqual([amd64]);
    expect(await findReleaseFolders(join(work, 'out', 'edge'))).toEqual([amd64, arm64]);
    expect(await findReleaseFolders(join(work, 'out'))).toEqual([amd64, arm64]);
  });

  it('are missing where nothing was built', async () => {
    await expect(findReleaseFolders(join(work, 'none'))).rejects.toMatchObject({ code: 'IMAGE_MISSING' });
  });
});
