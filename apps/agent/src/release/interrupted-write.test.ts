import { readFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Machine } from '../machine/machine.ts';
import type { RootTarget, WriteRootOptions } from './contract.ts';
import { openRelease } from './open-release.ts';
import { changeRoot, fillNoise, makeRoot, type TestRelease, writeTestRelease } from './release-fixture.testdata.ts';
import { makeSlotMachine, rootHashOfSlot, type SlotMachine, TEST_LIMITS } from './release-machine.testdata.ts';
import { ReleaseServer } from './release-server.testdata.ts';
import { findRootBase } from './root-bases.ts';
import { SLOTS_FOLDER } from './slot-index.ts';
import { writeRoot } from './write-root.ts';

const SIZE = 131_072;
const SLOT = 192 * 1024;
const OLD = makeRoot(1, SIZE);
const NEW = changeRoot(OLD, [{ at: 20_000, length: 60_000 }]);
const NEWER = changeRoot(NEW, [{ at: 100_000, length: 9000 }]);
let made: SlotMachine;
let two: TestRelease;
let three: TestRelease;
let server: ReleaseServer;
beforeAll(async () => {
  made = await makeSlotMachine();
  two = await writeTestRelease({ folder: join(made.root, 'v2'), root: NEW, version: '2' });
  three = await writeTestRelease({ folder: join(made.root, 'v3'), root: NEWER, version: '3' });
  server = await ReleaseServer.start(two.folder);
});
afterAll(async () => {
  await server.stop();
  await made.remove();
});

/** One try with the release that the server has now. */
async function write(target: RootTarget, options: Partial<WriteRootOptions> = {}, machine: Machine = made.machine) {
  const release = await openRelease(machine, server.url, { limits: TEST_LIMITS });
  return writeRoot(release, target, { bases: [], journal: 'b', stepBytes: 16_384, ...options });
}

/** Stops the work when so many events have been seen. */
async function writeAndStop(target: RootTarget, events: number, onStop: () => void = () => undefined): Promise<void> {
  const stop = new AbortController();
  let seen = 0;
  const progress = (): void => {
    seen += 1;
    if (seen !== events) return;
    onStop();
    stop.abort();
  };
  await write(target, { progress }, made.machine.withSignal(stop.signal)).catch(() => undefined);
}

const journalPath = () => join(made.root, SLOTS_FOLDER, 'b.journal');
const forget = () => rm(join(made.root, SLOTS_FOLDER), { recursive: true, force: true });

describe('a write that was stopped', () => {
  it('goes on where it was', async () => {
    await forget();
    const target = await made.slot('b', SLOT);
    // Five: some chunks are there, and more are not.
    await writeAndStop(target, 5);
    const before = server.sentBytes;
    const written = await write(target);
    expect(written.rootHash).toBe(two.rootHash);
    expect(written.keptBytes).toBeGreaterThan(0);
    expect(server.sentBytes - before).toBeLessThan(two.chunks.length);
  });

  it('keeps for another release what that has at the same place', async () => {
    await forget();
    server.folder = two.folder;
    const target = await made.slot('b', SLOT);
    await write(target);
    server.folder = three.folder;
    const written = await write(target);
    server.folder = two.folder;
    expect(written.rootHash).toBe(three.rootHash);
    expect(written.keptBytes).toBeGreaterThan(SIZE / 2);
    expect(written.fetchedBytes).toBeLessThan(three.chunks.length / 2);
  });

  it('ends well whenever it was stopped, and whatever the disk forgot of what no journal had promised', async () => {
    const { data } = await made.slot('a', SLOT, OLD);
    await fc.assert(
      fc.asyncProperty(fc.nat(40), fc.nat(), fc.boolean(), async (events, seed, hasBase) => {
        await forget();
        const target = await made.slot('b', SLOT, new Uint8Array(SLOT).fill(9));
        let journal: Buffer | undefined;
        let disk: Buffer | undefined;
        await writeAndStop(target, events, () => {
          journal = readFileSync(journalPath());
          disk = readFileSync(target.data.path);
        });
        if (journal !== undefined && disk !== undefined) {
          await writeFile(journalPath(), journal);
          await writeFile(target.data.path, powerCut(disk, journal, seed));
        }
        const base = hasBase ? await findRootBase(made.machine, { data, rootHash: '1'.repeat(64) }, 4096) : undefined;
        const written = await write(target, { bases: base === undefined ? [] : [base] });
        expect(written.rootHash).toBe(two.rootHash);
        expect(await rootHashOfSlot(target, SIZE)).toBe(two.rootHash);
      }),
      { numRuns: 15 },
    );
  });

  it.each([
    ['is garbage', () => 'garbage'],
    ['is empty', () => ''],
    ['is of a later version', (text: string) => text.replace('"version":1', '"version":2')],
    ['promises too much', (text: string) => text.replace(/"chunks":"[^"]*"/, `"chunks":"${'/'.repeat(64)}"`)],
    [
      'names a root that nobody knows',
      (text: string) => text.replace(/"rootHash":"[^"]*"/, `"rootHash":"${'f'.repeat(64)}"`),
    ],
    ['leads elsewhere', (text: string) => text.replace(/"rootHash":"[^"]*"/, '"rootHash":"../../../etc/passwd"')],
  ])('ends well when its journal %s', async (_what, change) => {
    await forget();
    const target = await made.slot('b', SLOT);
    await writeAndStop(target, 5);
    await writeFile(journalPath(), change(await readFile(journalPath(), 'utf8')));
    expect((await write(target)).rootHash).toBe(two.rootHash);
  });
});

/** What is left of a disk when the power fails: of what the journal does not promise, anything may be gone. */
function powerCut(disk: Buffer, journal: Buffer, seed: number): Buffer {
  const { chunks, rootHash } = JSON.parse(journal.toString()) as { chunks: string; rootHash: string };
  expect(rootHash).toBe(two.rootHash);
  const bits = Buffer.from(chunks, 'base64');
  for (let chunk = 0; chunk < two.index.count; chunk++) {
    const isPromised = ((bits[chunk >> 3] as number) >> (chunk & 7)) & 1;
    const start = two.index.offsets[chunk] as number;
    if (!isPromised && (seed + chunk) % 3 > 0) fillNoise(disk.subarray(start, start + 1000), seed);
  }
  return disk;
}
