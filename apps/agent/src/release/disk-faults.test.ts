import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Region } from '../slots/slots.ts';
import type { RootTarget } from './contract.ts';
import { openRelease } from './open-release.ts';
import { explainDiskError } from './region-file.ts';
import { makeRoot, type TestRelease, writeTestRelease } from './release-fixture.testdata.ts';
import { makeSlotMachine, type SlotMachine, TEST_LIMITS } from './release-machine.testdata.ts';
import { SLOTS_FOLDER } from './slot-index.ts';
import { writeRoot } from './write-root.ts';

const SIZE = 65_536;
const SLOT = 128 * 1024;
let made: SlotMachine;
let wanted: TestRelease;
let count = 0;
beforeAll(async () => {
  made = await makeSlotMachine();
  wanted = await writeTestRelease({ folder: join(made.root, 'release'), root: makeRoot(1, SIZE) });
});
afterAll(() => made.remove());

async function write(target: RootTarget, journal?: string) {
  const release = await openRelease(made.machine, 'dir:/release', { limits: TEST_LIMITS });
  return writeRoot(release, target, { bases: [], journal });
}

/** Files of the kernel that fail as disks do. */
const FULL: Region = { path: '/dev/full', offsetBytes: 0, sizeBytes: SLOT };
/** Nothing is mapped at the first address. */
const BROKEN: Region = { path: '/proc/self/mem', offsetBytes: 0, sizeBytes: SLOT };
const GONE: Region = { path: '/dev/nowhere', offsetBytes: 0, sizeBytes: SLOT };

describe('a disk', () => {
  it.each<[what: string, change: (target: RootTarget) => RootTarget, code: string, says: string]>([
    ['that is full', (target) => ({ ...target, data: FULL }), 'NO_SPACE', 'no space left'],
    ['that is full where the tree goes', (target) => ({ ...target, hash: FULL }), 'NO_SPACE', 'no space left'],
    ['that fails', (target) => ({ ...target, data: BROKEN }), 'WRITE_FAILED', 'EIO'],
    ['that fails where the tree goes', (target) => ({ ...target, hash: BROKEN }), 'WRITE_FAILED', 'EIO'],
    ['that is gone', (target) => ({ ...target, data: GONE }), 'WRITE_FAILED', 'not there'],
  ])('%s is reported with a cure, and a sound one is written afterwards', async (_what, change, code, says) => {
    const name = `s${(count += 1)}`;
    const target = await made.slot(name, SLOT);
    const error = await write(change(target), name).catch((reason: unknown) => reason);
    expect((error as Error).message).toContain(says);
    expect(error).toMatchObject({ code, hint: expect.stringMatching(/\w/) });
    expect((await write(target, name)).rootHash).toBe(wanted.rootHash);
  });

  it.each([
    ['EROFS', 'WRITE_FAILED', 'read-only'],
    ['EIO', 'WRITE_FAILED', 'reports an error'],
    ['ENOSPC', 'NO_SPACE', 'no space left'],
    ['ENXIO', 'WRITE_FAILED', 'the disk is gone'],
    ['EWHATEVER', 'WRITE_FAILED', 'EWHATEVER'],
  ])('that says %s is explained', (code, agentCode, says) => {
    const error = explainDiskError(Object.assign(new Error('x'), { code }), { path: '/dev/vda5' }, 'written');
    expect(error).toMatchObject({ code: agentCode, message: expect.stringContaining(says) });
    expect(error.message).toContain('/dev/vda5');
  });

  it('never gets more than its region', async () => {
    const whole = await made.slot('disk', SLOT * 3, new Uint8Array(SLOT * 3).fill(3));
    const data = { ...whole.data, offsetBytes: SLOT, sizeBytes: SLOT };
    await write({ ...whole, data });
    const after = await readFile(whole.data.path);
    const outside = Buffer.concat([after.subarray(0, SLOT), after.subarray(SLOT + SIZE)]);
    expect(outside.every((byte) => byte === 3)).toBe(true);
  });
});

describe('a state partition', () => {
  it('that takes no journal is not in the way', async () => {
    const folder = join(made.root, SLOTS_FOLDER);
    await rm(folder, { recursive: true, force: true });
    await mkdir(join(folder, '..'), { recursive: true });
    await writeFile(folder, 'a file in the way');
    expect((await write(await made.slot('b', SLOT), 'b')).rootHash).toBe(wanted.rootHash);
    await rm(folder);
  });
});
