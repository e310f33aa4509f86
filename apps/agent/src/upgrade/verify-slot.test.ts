import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EMPTY_RECORD } from '../lifecycle-record/record.ts';
import { findSystemDisk } from '../slots/find-system-disk.ts';
import { slotOf } from '../slots/name-slot.ts';
import { makeTestSystem, putUki, type TestSystem } from './test-system.testdata.ts';
import { makeTestVersion } from './test-version.testdata.ts';
import { rootHashOfUki, ukiFilesOf } from './uki-files.ts';
import { rootHashOfSlot } from './verify-slot.ts';

const VERSION = makeTestVersion('1');

let system: TestSystem;
beforeEach(async () => {
  system = await makeTestSystem([{ version: '1', slot: 'a', tries: 'good' }]);
});
afterEach(() => system.remove());

const rootHash = async (slot: 'a' | 'b' = 'a') =>
  rootHashOfSlot(slotOf(await findSystemDisk(system.machine), slot), system.machine.signal);

describe('what lies in a slot', () => {
  it('is known by its root hash, and nothing where nothing was written', async () => {
    expect(await rootHash()).toBe(VERSION.rootHash);
    expect(await rootHash('b')).toBeUndefined();
  });

  it('is no root any more when a byte of the tree is another', async () => {
    await system.disk.fill('root-a-verity', Uint8Array.of(1), VERSION.hashBytes - 100);
    expect(await rootHash()).toBeUndefined();
  });

  it('is another root when a byte of the data is another', async () => {
    await system.disk.fill('root-a', Uint8Array.of(1), 5000);
    expect(await rootHash()).not.toBe(VERSION.rootHash);
  });

  it('is no root when its superblock claims more than the slot has, or is of another kind', async () => {
    await system.disk.fill('root-a-verity', Uint8Array.of(255, 255, 255), 72);
    expect(await rootHash()).toBeUndefined();
    await system.disk.fill('root-a-verity', VERSION.hash);
    await system.disk.fill('root-a-verity', Uint8Array.of(0), 12);
    expect(await rootHash()).toBeUndefined();
  });
});

describe('the root hash of a UKI', () => {
  const { ukiDigest, uki } = VERSION;

  it('is read from its command line, also when the machine remembers nothing', async () => {
    const files = ukiFilesOf(system.machine, EMPTY_RECORD);
    expect([await files.rootHash(ukiDigest), await files.sizeBytes(ukiDigest)]).toEqual([VERSION.rootHash, uki.length]);
  });

  it('is unknown for what is none, half of one, or not there', async () => {
    await putUki(system.esp, ukiDigest, uki.subarray(0, 700));
    const files = ukiFilesOf(system.machine, EMPTY_RECORD);
    expect(await files.rootHash(ukiDigest)).toBeUndefined();
    expect(await files.rootHash(makeTestVersion('2').ukiDigest)).toBeUndefined();
    expect(rootHashOfUki(Buffer.from('roothash='))).toBeUndefined();
  });

  it('is taken from the record where it is known: a digest stands for the same bytes for ever', async () => {
    const digest = makeTestVersion('2').ukiDigest;
    const version = {
      generation: 9,
      name: 'x',
      version: '2',
      imageId: 'i',
      slot: 'b',
      verdict: 'bad',
      at: '',
    } as const;
    const versions = [{ ...version, ukiDigest: digest, rootHash: 'known' }];
    expect(await ukiFilesOf(system.machine, { ...EMPTY_RECORD, versions }).rootHash(digest)).toBe('known');
  });
});

it('takes a slot that holds the root already only when every block of it is right', async () => {
  await system.disk.fill('root-b', VERSION.root);
  const { slots } = await system.facts(VERSION);
  expect(slots.map(({ name, holdsNew }) => [name, holdsNew])).toEqual([
    ['a', true],
    ['b', false],
    ['recovery', false],
  ]);
  await system.disk.fill('root-a', Uint8Array.of(255), 5000);
  expect((await system.facts(VERSION)).slots[0]?.holdsNew).toBe(false);
});
