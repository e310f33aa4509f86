import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changeRoot, cutTestRoot, makeRoot, TEST_AVERAGE_BYTES } from './release-fixture.testdata.ts';
import { makeSlotMachine, type SlotMachine } from './release-machine.testdata.ts';
import { cutRoot, findRootBase } from './root-bases.ts';
import { loadSlotIndex, saveSlotIndex } from './slot-index.ts';

const SIZE = 200_704;
const ROOT_HASH = '1'.repeat(64);
const { signal } = new AbortController();
let made: SlotMachine;
beforeEach(async () => {
  made = await makeSlotMachine();
});
afterEach(() => made.remove());

describe('the chunks of a slot', () => {
  it('are cut as the build cuts them, whatever other root helps', async () => {
    const places = fc.array(fc.record({ at: fc.nat(SIZE - 5000), length: fc.integer({ min: 1, max: 5000 }) }), {
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(places, fc.nat(3), async (changes, seed) => {
        const old = makeRoot(seed, SIZE);
        const { data } = await made.slot('a', SIZE * 2, old);
        const wanted = cutTestRoot(old).index;
        const found = await cutRoot(data, TEST_AVERAGE_BYTES, signal, cutTestRoot(changeRoot(old, changes)).index);
        expect(found.lengths).toEqual(wanted.lengths);
        expect(found.digests).toEqual(wanted.digests);
        expect(await cutRoot(data, TEST_AVERAGE_BYTES, signal)).toEqual(found);
      }),
      { numRuns: 20 },
    );
  });

  it('are cut once and remembered', async () => {
    const { data } = await made.slot('a', SIZE, makeRoot(1, SIZE));
    const slot = { data, rootHash: ROOT_HASH };
    const first = await findRootBase(made.machine, slot, TEST_AVERAGE_BYTES);
    await writeFile(data.path, 'something else');
    expect(await findRootBase(made.machine, slot, TEST_AVERAGE_BYTES)).toEqual(first);
    expect(await findRootBase(made.machine, { ...slot, rootHash: '2'.repeat(64) }, TEST_AVERAGE_BYTES)).toBeUndefined();
  });

  it('are unknown where there is no root, and where it cannot be read', async () => {
    const empty = await made.slot('b', SIZE);
    const gone = { ...empty.data, path: '/nowhere' };
    const short = await made.slot('c', 4096, makeRoot(1, SIZE).subarray(0, 4096));
    for (const data of [empty.data, gone, short.data]) {
      expect(await findRootBase(made.machine, { data, rootHash: ROOT_HASH }, TEST_AVERAGE_BYTES)).toBeUndefined();
    }
  });

  it('are remembered for a few roots; what is damaged counts as forgotten', async () => {
    const { index } = cutTestRoot(makeRoot(1, 20_480));
    for (let root = 0; root < 9; root++) {
      await saveSlotIndex(made.machine, { rootHash: `${root}`.repeat(64), averageBytes: 4096 }, index);
    }
    const folder = join(made.root, 'var/lib/bowline/slots');
    const names = await readdir(folder);
    expect(names).toHaveLength(6);
    const newest = { rootHash: '8'.repeat(64), averageBytes: 4096 };
    expect(await loadSlotIndex(made.machine, newest)).toEqual(index);
    await writeFile(join(folder, `${newest.rootHash}-4096.idx`), 'BWLCIDX1 and then nothing');
    expect(await loadSlotIndex(made.machine, newest)).toBeUndefined();
  });
});
