import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SQUASHFS_SUPERBLOCK_SIZE } from '@bowline/formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bowlineJson } from './fixtures/cli.ts';
import { findPartition, flipByte, readAt } from './fixtures/disk-image.ts';
import { BOOT_MS, withMachine } from './fixtures/machine.ts';
import { writePinnedBowl } from './fixtures/tiny-build.ts';

/** Linux, fs/squashfs/squashfs_fs.h, struct squashfs_super_block: the time of making, which nothing else would miss. */
const TIME_AT = 8;
const INODE_TABLE_START_AT = 64;

let folder = '';
let image = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-corrupt-'));
  const bowl = join(folder, 'bowl');
  await writePinnedBowl(bowl, 'outputs: [raw]');
  await bowlineJson(['build', bowl, '--out', join(folder, 'out')]);
  image = join(folder, 'out/tiny/tiny-1-amd64.raw');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

interface Place {
  what: string;
  /** What the kernel says of it. */
  reason: RegExp;
  /** From the start of the root on, in bytes. */
  find: (superblock: DataView) => number;
}

const PLACES: Place[] = [
  { what: 'its superblock', reason: /verity: \S+ data block 0 is corrupted/, find: () => TIME_AT },
  {
    what: 'its inodes, which are read before anything runs',
    reason: /verity: \S+ data block [1-9][0-9]* is corrupted/,
    find: (superblock) => Number(superblock.getBigUint64(INODE_TABLE_START_AT, true)) + 16,
  },
];

describe('a root with one flipped byte', () => {
  it.for(PLACES)('in $what never gets to userspace; the machine says why and restarts', async (place, ctx) => {
    const { offset } = await findPartition(image, 'root-a');
    const superblock = await readAt(image, offset, SQUASHFS_SUPERBLOCK_SIZE);
    const at = offset + place.find(new DataView(superblock.buffer));
    await flipByte(image, at);
    try {
      await withMachine(ctx, { imagePath: image, snapshot: true }, async (machine) => {
        await machine.waitFor(place.reason, BOOT_MS);
        await machine.waitFor(/Kernel panic - not syncing: dm-verity device corrupted/, 60_000);
        await machine.waitFor(/Rebooting in 5 seconds/, 60_000);
        // The first words of the firmware after a reset.
        await machine.waitFor(/BdsDxe: starting/, 120_000);
        expect(machine.console()).not.toMatch(/tiny: started|login:/);
      });
    } finally {
      await flipByte(image, at);
    }
  });
});
