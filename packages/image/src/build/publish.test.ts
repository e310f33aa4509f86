import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Digest, HostError, type Progress } from '@bowline/host';
import type { Manifest } from '@bowline/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPublished, publish, type StagedFile, withBuildFolder } from './publish.ts';

const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`;
const signal = new AbortController().signal;
const progress: Progress = { task: () => Promise.reject(new Error('nobody waits here')), warn: () => undefined };

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-publish-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function manifest(imageId: Digest, files: Manifest['files'] = []): Manifest {
  const common = { manifestVersion: 1, name: 'edge', version: '1', debug: false, roots: {}, tools: {} } as const;
  return { ...common, imageId, arch: ['amd64'], files };
}

/** Writes files below a scratch folder, as an output does. */
async function stage(name: string, files: Readonly<Record<string, string>>): Promise<StagedFile[]> {
  const from = join(folder, '.partial', name);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(from, path)), { recursive: true });
    await writeFile(join(from, path), text);
  }
  const common = { folder: from, arch: 'amd64', output: 'oci', sha256: digest('0') } as const;
  return Object.entries(files).map(([path, text]) => ({ ...common, name: path, sizeBytes: text.length }));
}

async function filesThere(): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('.partial'))
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted((a, b) => (a < b ? -1 : 1));
}

describe('publishing a build', () => {
  it('moves files and folders, and lists all of them in the manifest by path', async () => {
    const staged = await stage('one', { 'edge.raw': 'disk', 'edge-oci/index.json': '{}', 'edge-oci/blobs/a': 'a' });
    const { files } = await publish(folder, staged, manifest(digest('1')));
    const names = ['edge-oci/blobs/a', 'edge-oci/index.json', 'edge.raw'];
    expect(files.map((file) => file.path)).toEqual(names);
    expect(await filesThere()).toEqual([...names, 'manifest.json']);
    expect(await findPublished(folder, digest('1'))).toEqual({ ...manifest(digest('1')), files });
  });

  it('replaces folders whole, and takes away what only the image before had', async () => {
    await publish(folder, await stage('one', { 'v1.raw': '1', 'edge-oci/blobs/a': 'a' }), manifest(digest('1')));
    await writeFile(join(folder, 'notes.txt'), 'of somebody');
    await publish(folder, await stage('two', { 'v2.raw': '2', 'edge-oci/blobs/b': 'b' }), manifest(digest('2')));
    expect(await filesThere()).toEqual(['edge-oci/blobs/b', 'manifest.json', 'notes.txt', 'v2.raw']);
    expect(await findPublished(folder, digest('1'))).toBeUndefined();
  });

  it('adds to an image that is there already', async () => {
    const first = await publish(folder, await stage('one', { 'edge.raw': 'disk' }), manifest(digest('1')));
    await publish(folder, await stage('two', { 'edge.iso': 'iso' }), manifest(digest('1'), first.files));
    expect((await findPublished(folder, digest('1')))?.files.map((file) => file.path)).toEqual([
      'edge.iso',
      'edge.raw',
    ]);
    expect(await readFile(join(folder, 'edge.raw'), 'utf8')).toBe('disk');
  });

  it('vouches for nothing when it is stopped half-way', async () => {
    await publish(folder, await stage('one', { 'edge.raw': 'disk' }), manifest(digest('1')));
    const staged = await stage('two', { 'edge.iso': 'iso', 'edge.raw': 'other' });
    await rm(join(folder, '.partial/two/edge.raw'));
    await mkdir(join(folder, '.partial/two/edge.raw'));
    await expect(publish(folder, staged, manifest(digest('2')))).rejects.toThrow();
    expect(await findPublished(folder, digest('1'))).toBeUndefined();
    expect(await findPublished(folder, digest('2'))).toBeUndefined();
  });
});

describe('a published image', () => {
  beforeEach(async () => {
    await publish(folder, await stage('one', { 'edge.raw': 'disk', 'edge.iso': 'iso' }), manifest(digest('1')));
  });

  it.each([
    ['a file is gone', () => rm(join(folder, 'edge.raw'))],
    ['a file has another size', () => writeFile(join(folder, 'edge.raw'), 'longer than before')],
    ['the manifest is damaged', () => writeFile(join(folder, 'manifest.json'), '{"manifestVersion": 1')],
    ['the manifest is gone', () => rm(join(folder, 'manifest.json'))],
  ])('counts no more when %s', async (_what, damage) => {
    expect(await findPublished(folder, digest('1'))).toBeDefined();
    await damage();
    expect(await findPublished(folder, digest('1'))).toBeUndefined();
  });

  it('counts no more when a file of the same size was written after the manifest', async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await writeFile(join(folder, 'edge.raw'), 'ksid');
    expect(await findPublished(folder, digest('1'))).toBeUndefined();
  });
});

describe('the folder of a build', () => {
  const open = <T>(name: string, work: (scratch: string) => Promise<T>): Promise<T> =>
    withBuildFolder(join(folder, name), join(folder, 'locks'), { progress, signal }, work);

  it('holds scratch while work lasts, and nothing when it fails', async () => {
    const failed = open('edge', async (scratch) => {
      await writeFile(join(scratch, 'half'), 'x');
      throw new Error('disk on fire');
    });
    await expect(failed).rejects.toThrow('disk on fire');
    expect(await readdir(folder)).toEqual(['locks']);
  });

  it('keeps what was there', async () => {
    await mkdir(join(folder, 'edge'));
    await writeFile(join(folder, 'edge/edge.raw'), 'disk');
    await expect(open('edge', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await readdir(join(folder, 'edge'))).toEqual(['edge.raw']);
  });

  it('is the one that a full disk is told by', async () => {
    const full = open('edge', async (scratch) => {
      const message = `no space left on the disk that holds ${scratch}/amd64/iso: xorriso failed`;
      throw new HostError({ code: 'DISK_FULL', message, hint: `\`df -h ${scratch}\` shows how much is left.` });
    });
    await expect(full).rejects.toMatchObject({
      code: 'DISK_FULL',
      message: `no space left on the disk that holds ${folder}/edge: xorriso failed`,
      hint: `\`df -h ${folder}/edge\` shows how much is left.`,
    });
  });
});
