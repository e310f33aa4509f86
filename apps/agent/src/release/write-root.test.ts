import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseVeritySuperblock } from '@bowline/formats';
import { afterEach, describe, expect, it } from 'vitest';
import type { RootTarget, WriteRootProgress } from './contract.ts';
import { openRelease } from './open-release.ts';
import { planRoot } from './plan-root.ts';
import { changeRoot, makeRoot, type TestRelease, writeTestRelease } from './release-fixture.testdata.ts';
import { makeSlotMachine, rootHashOfSlot, type SlotMachine, TEST_LIMITS } from './release-machine.testdata.ts';
import { findRootBase } from './root-bases.ts';
import { writeRoot } from './write-root.ts';

const SIZE = 300_000;
const SLOT = 512 * 1024;
const OLD = makeRoot(1, SIZE);
const NEW = changeRoot(OLD, [
  { at: 100_000, length: 5000 },
  { at: 250_000, length: 100 },
]);
let made: SlotMachine;
afterEach(() => made.remove());

async function start(root: Uint8Array = NEW): Promise<{ release: TestRelease; a: RootTarget; b: RootTarget }> {
  made = await makeSlotMachine();
  const release = await writeTestRelease({ folder: join(made.root, 'v2-release'), root });
  return { release, a: await made.slot('a', SLOT, OLD), b: await made.slot('b', SLOT) };
}

const open = () => openRelease(made.machine, 'dir:/v2-release', { limits: TEST_LIMITS });

async function baseOf(target: RootTarget, rootHash: string) {
  const base = await findRootBase(made.machine, { data: target.data, rootHash }, 4096);
  return base === undefined ? [] : [base];
}

describe('a root', () => {
  it('is put together from the other slot and from what is new', async () => {
    const { release: wanted, a, b } = await start();
    const release = await open();
    const bases = await baseOf(a, '1'.repeat(64));
    const plan = await planRoot(release, bases);
    expect(plan.rootBytes).toBe(SIZE);
    expect(plan.fetchBytes).toBeLessThan(SIZE / 5);
    const events: WriteRootProgress[] = [];
    const written = await writeRoot(release, b, { bases, journal: 'b', progress: (event) => events.push(event) });
    expect(written.rootHash).toBe(wanted.rootHash);
    expect(written.fetchedBytes).toBe(plan.fetchBytes);
    expect(written.reusedBytes).toBe(plan.reuseBytes);
    expect(await rootHashOfSlot(b, SIZE)).toBe(wanted.rootHash);
    expect(new Set(events.map(({ phase }) => phase))).toEqual(new Set(['write', 'verify']));
    expect(events.filter(({ phase }) => phase === 'write').at(-1)?.doneBytes).toBe(SIZE);
    const superblock = parseVeritySuperblock((await readFile(b.hash.path)).subarray(0, 512));
    expect(superblock).toMatchObject({ uuid: wanted.document.verity.uuid, salt: wanted.document.verity.salt });
  });

  it('is what veritysetup accepts', async (ctx) => {
    if (!existsSync('/usr/sbin/veritysetup')) return ctx.skip('no veritysetup');
    const { release: wanted, b } = await start();
    await writeRoot(await open(), b, { bases: [] });
    const argv = ['/usr/sbin/veritysetup', 'verify', b.data.path, b.hash.path, wanted.rootHash] as const;
    await made.machine.processes.run({ argv, timeoutMs: 60_000, signal: made.machine.signal });
  });

  it('is fetched as a whole where there is nothing to take from', async () => {
    const { release: wanted, b } = await start();
    const written = await writeRoot(await open(), b, { bases: [] });
    expect(written).toMatchObject({ rootHash: wanted.rootHash, reusedBytes: 0, keptBytes: 0 });
    expect(written.fetchedBytes).toBe(wanted.chunks.length);
  });

  it('comes out right when the other slot is not what its saved index says', async () => {
    const { release: wanted, a, b } = await start();
    const bases = await baseOf(a, '1'.repeat(64));
    await writeFile(a.data.path, changeRoot(OLD, [{ at: 30_000, length: 10 }]));
    const phases = new Set<string>();
    const written = await writeRoot(await open(), b, { bases, progress: ({ phase }) => phases.add(phase) });
    expect(written.rootHash).toBe(wanted.rootHash);
    expect(phases).toContain('repair');
  });

  it('comes out right when the other slot ends too early or is gone', async () => {
    const { release: wanted, a, b } = await start();
    const bases = await baseOf(a, '1'.repeat(64));
    await writeFile(a.data.path, OLD.subarray(0, 50_000));
    expect((await writeRoot(await open(), b, { bases })).rootHash).toBe(wanted.rootHash);
    const gone = bases.map((base) => ({ ...base, region: { ...base.region, path: '/nowhere' } }));
    expect((await writeRoot(await open(), b, { bases: gone })).rootHash).toBe(wanted.rootHash);
  });

  it('keeps what an older version in the same slot has at the same place', async () => {
    const { release: wanted, a } = await start();
    const bases = await baseOf(a, '1'.repeat(64));
    const written = await writeRoot(await open(), a, { bases });
    expect(written.rootHash).toBe(wanted.rootHash);
    expect(written.keptBytes).toBeGreaterThan(SIZE / 2);
    expect(written.reusedBytes).toBe(0);
  });

  it('that is there already is only verified again', async () => {
    const { b } = await start();
    await writeRoot(await open(), b, { bases: [], journal: 'b' });
    const again = await writeRoot(await open(), b, { bases: [], journal: 'b' });
    expect(again).toMatchObject({ fetchedBytes: 0, reusedBytes: 0, keptBytes: SIZE });
  });

  it('that somebody else wrote over is taken from the other slot again, not from the network', async () => {
    const { release: wanted, a, b } = await start();
    const bases = await baseOf(a, '1'.repeat(64));
    await writeRoot(await open(), b, { bases, journal: 'b' });
    await writeFile(b.data.path, makeRoot(8, SLOT));
    const again = await writeRoot(await open(), b, { bases, journal: 'b' });
    expect(again.rootHash).toBe(wanted.rootHash);
    expect(again.fetchedBytes).toBeLessThan(SIZE / 5);
  });

  it.each([
    ['past the cache of the kernel', 4096, true],
    ['as it can be where transfers past the cache are not possible', 1000, false],
  ])('is read back %s', async (_what, offsetBytes, readFromDisk) => {
    const { release: wanted } = await start();
    const disk = await made.slot('disk', 2 * SLOT);
    const data = { ...disk.data, offsetBytes, sizeBytes: SLOT };
    expect(await writeRoot(await open(), { ...disk, data }, { bases: [] })).toMatchObject({
      rootHash: wanted.rootHash,
      // In memory (tmpfs) there is nothing to go past.
      readFromDisk: readFromDisk ? expect.any(Boolean) : false,
    });
  });

  it('of a size that is no multiple of a block is filled up with zeros', async () => {
    const odd = makeRoot(4, 100_001);
    const { release: wanted, b } = await start(odd);
    await writeFile(b.data.path, new Uint8Array(SLOT).fill(0xff));
    expect((await writeRoot(await open(), b, { bases: [] })).rootHash).toBe(wanted.rootHash);
  });

  it('with the same chunk many times fetches it once', async () => {
    const part = makeRoot(3, 60_000);
    const { release: wanted, b } = await start(Buffer.concat([part, part, part, part]));
    const written = await writeRoot(await open(), b, { bases: [] });
    expect(written.rootHash).toBe(wanted.rootHash);
    expect(written.fetchedBytes).toBeLessThan(wanted.chunks.length / 2);
  });

  it('that does not fit is refused before anything is written', async () => {
    await start();
    const small = await made.slot('c', 200_704, new Uint8Array(200_704).fill(7));
    await expect(writeRoot(await open(), small, { bases: [] })).rejects.toMatchObject({ code: 'SLOT_TOO_SMALL' });
    expect((await readFile(small.data.path)).every((byte) => byte === 7)).toBe(true);
  });

  it('whose chunks do not make the promised root hash leaves a slot that cannot be opened', async () => {
    made = await makeSlotMachine();
    const folder = join(made.root, 'v2-release');
    const verity = { rootHash: 'ab'.repeat(32), salt: '', uuid: '00000000-1111-4222-8333-444444444444' };
    const document = { verity: { ...verity, dataBlocks: Math.ceil(SIZE / 4096) } };
    await writeTestRelease({ folder, root: NEW, document });
    const b = await made.slot('b', SLOT);
    await writeFile(b.hash.path, new Uint8Array(b.hash.sizeBytes).fill(1));
    await expect(writeRoot(await open(), b, { bases: [] })).rejects.toMatchObject({ code: 'ROOT_HASH_MISMATCH' });
    expect((await readFile(b.hash.path)).subarray(0, 4096).every((byte) => byte === 0)).toBe(true);
  });
});
