import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BowlLock } from '@bowline/spec';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bowline } from './fixtures/cli.ts';
import {
  expectNobodyIn,
  expectNothingHalf,
  linkCache,
  readManifest,
  startBowline,
  writePinnedBowl,
} from './fixtures/tiny-build.ts';

const OUTPUTS = ['iso', 'uki'];

let lab = '';
let lock: BowlLock;
let caches = 0;
const at = (...names: string[]): string => join(lab, ...names);

beforeAll(async () => {
  lab = await mkdtemp(join(tmpdir(), 'bowline-at-once-'));
  lock = await writePinnedBowl(at('bowl'), `outputs: [${OUTPUTS.join(', ')}]`);
});
afterAll(() => rm(lab, { recursive: true, force: true }));

/** A cache in which nothing was made yet. */
async function freshCache(): Promise<string> {
  caches += 1;
  const cache = at(`cache-${caches}`);
  await linkCache(lock, cache);
  return cache;
}

async function expectCleanLab(): Promise<void> {
  await expectNobodyIn(lab);
  await expectNothingHalf(lab);
}

describe('two builds at once', () => {
  it('of one bowl: one waits and says so, both succeed, and only one works', async () => {
    const cache = await freshCache();
    const args = ['build', at('bowl'), '--out', at('one')];
    const runs = [startBowline(args, cache), startBowline(args, cache)];
    const ends = await Promise.all(runs.map((run) => run.ended));
    expect(ends.map((end) => end.exitCode)).toEqual([0, 0]);
    const [waiter, worker] = ends.map((end) => end.stderr).toSorted((a, b) => a.length - b.length);
    expect(waiter).toMatch(/^waiting for another build of tiny \.\.\./m);
    expect(waiter).not.toMatch(/^amd64 /m);
    expect(worker).toMatch(/^amd64 root/m);
    expect(worker).not.toContain('waiting');
    expect((await readManifest(at('one/tiny'))).files.map((file) => file.output)).toEqual(['uki', 'iso']);
    await expectCleanLab();
  });

  it('of two bowls with one name into one folder: each image is whole, the last one stays', async () => {
    const cache = await freshCache();
    await cp(at('bowl'), at('other'), { recursive: true });
    const text = await readFile(at('other/bowl.yaml'), 'utf8');
    await writeFile(at('other/bowl.yaml'), text.replace('version: "1"', 'version: "2"'));
    const runs = ['bowl', 'other'].map((name) => startBowline(['build', at(name), '--out', at('shared')], cache));
    const ends = await Promise.all(runs.map((run) => run.ended));
    expect(
      ends.map((end) => end.exitCode),
      ends.map((end) => end.stderr).join('\n'),
    ).toEqual([0, 0]);
    const manifest = await readManifest(at('shared/tiny'));
    // Only files of the image that the manifest is about: the first one's were taken away.
    for (const file of manifest.files) expect(file.path).toContain(`tiny-${manifest.version}-`);
    const again = await bowline(
      ['build', at(manifest.version === '1' ? 'bowl' : 'other'), '--out', at('shared'), '--json'],
      { env: { BOWLINE_CACHE: cache } },
    );
    expect(JSON.parse(again.stdout)).toMatchObject({ unchanged: true, imageId: manifest.imageId });
    await expectCleanLab();
  });

  it('of which the first is killed: the second goes on at once', async () => {
    const cache = await freshCache();
    const args = ['build', at('bowl'), '--out', at('killed')];
    const first = startBowline(args, cache);
    expect(await first.seen(/^amd64 root \.\.\./m)).toBe(true);
    const second = startBowline(args, cache);
    expect(await second.seen(/^waiting for another build/m)).toBe(true);
    process.kill(first.pid, 'SIGKILL');
    expect((await first.ended).exitCode).toBeNull();
    const end = await second.ended;
    expect(end, end.stderr).toMatchObject({ exitCode: 0 });
    await expectCleanLab();
  });

  it('of which the second loses patience: Ctrl-C ends its wait, the first goes on', async () => {
    const cache = await freshCache();
    const args = ['build', at('bowl'), '--out', at('patience')];
    const first = startBowline(args, cache);
    expect(await first.seen(/^resolve \.\.\./m)).toBe(true);
    const second = startBowline(args, cache);
    expect(await second.seen(/^waiting for another build/m)).toBe(true);
    process.kill(second.pid, 'SIGINT');
    const [one, two] = await Promise.all([first.ended, second.ended]);
    expect([one.exitCode, one.stderr]).toEqual([0, expect.any(String)]);
    expect(two.exitCode, two.stderr).toBe(130);
    await expectCleanLab();
  });

  it('of different bowls share the work on the same root', async () => {
    const cache = await freshCache();
    await cp(at('bowl'), at('argued'), { recursive: true });
    await writeFile(
      at('argued/bowl.yaml'),
      `${await readFile(at('bowl/bowl.yaml'), 'utf8')}kernelArguments: [quiet]\n`,
    );
    const runs = ['bowl', 'argued'].map((name) =>
      startBowline(['build', at(name), '--out', at(`shared-${name}`), '--output', 'uki'], cache),
    );
    const ends = await Promise.all(runs.map((run) => run.ended));
    expect(
      ends.map((end) => end.exitCode),
      ends.map((end) => end.stderr).join('\n'),
    ).toEqual([0, 0]);
    const found = ends.filter((end) => /amd64 root: done \([^)]*unchanged/.test(end.stderr));
    expect(found).toHaveLength(1);
    await expectCleanLab();
  });
});
