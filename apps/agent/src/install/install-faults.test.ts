import { truncate } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { withDevice } from '../disk/device-bytes.ts';
import type { AgentError } from '../error.ts';
import type { OpenBlockWriter } from '../slots/block-writer.ts';
import { readDiskContent } from './disk-content.ts';
import { type LiveMachine, makeLiveMachine } from './live-machine.testdata.ts';
import { openTargetDisk } from './open-target.ts';
import { planInstall } from './plan-install.ts';
import { runInstall } from './run-install.ts';
import { PLAIN_WISH } from './wish.ts';

const SIZE = 2048 * 2 ** 20;
let live: LiveMachine | undefined;

afterEach(() => live?.remove());

/** A disk that takes so many writes and flushes, and then says the same to everything. */
function breaking(after: number, code: string): { openDisk: OpenBlockWriter; operations: () => number } {
  let count = 0;
  const openDisk: OpenBlockWriter = async (path) => {
    const writer = await openTargetDisk(path);
    const guard = async (work: () => Promise<void>): Promise<void> => {
      count += 1;
      if (count > after) throw Object.assign(new Error(`${code}: from a broken disk`), { code });
      await work();
    };
    return {
      write: (offset, bytes) => guard(() => writer.write(offset, bytes)),
      flush: () => guard(() => writer.flush()),
      close: () => writer.close(),
    };
  };
  return { openDisk, operations: () => count };
}

async function contentOf(machine: LiveMachine) {
  return withDevice(machine.file('vda'), (read) => readDiskContent(read, SIZE, 512));
}

describe('a disk that fails at any write or flush', () => {
  it.each([
    ['EIO', 1, 'WRITE_FAILED', /reports an error/],
    ['ENOSPC', 7, 'NO_SPACE', /no room/],
    ['ENXIO', 7, 'WRITE_FAILED', /is gone/],
  ])(
    '%s: the step is named, nothing starts from the disk, and a second try needs no force',
    async (code, stride, expected, words) => {
      live = await makeLiveMachine({ disks: [{ name: 'vda', sizeBytes: SIZE }] });
      const all = breaking(Number.POSITIVE_INFINITY, code);
      await runInstall(live.machine, await planInstall(live.machine, PLAIN_WISH), { openDisk: all.openDisk });
      const total = all.operations();
      expect(total).toBeGreaterThan(25);
      await live.remove();
      live = await makeLiveMachine({ disks: [{ name: 'vda', sizeBytes: SIZE }] });
      // With the last flush only the mark goes: the disk is whole by then.
      for (let after = 0; after < total - 1; after += stride) {
        // Planned without force: what the try before left must not look like data.
        const plan = await planInstall(live.machine, PLAIN_WISH);
        const failure = await runInstall(live.machine, plan, breaking(after, code)).catch((error: AgentError) => error);
        expect(failure, `after ${after} of ${total}`).toMatchObject({ code: expected });
        expect((failure as AgentError).message).toMatch(words);
        expect((failure as AgentError).message).toMatch(/"(?:Erase|Write|Read)/);
        const { lines } = await contentOf(live);
        expect(lines, `after ${after} of ${total}`).toEqual([]);
      }
      const result = await runInstall(live.machine, await planInstall(live.machine, PLAIN_WISH));
      expect(result.warnings).toEqual([]);
      expect((await contentOf(live)).installation).toBeDefined();
    },
    180_000,
  );
});

describe('an installation that is interrupted', () => {
  it.each(['prepare', 'wipe', 'root', 'boot-files', 'boot-code', 'verify', 'table'] as const)(
    'at the step %s ends at once or is whole, and goes through the next time',
    async (name) => {
      live = await makeLiveMachine({ disks: [{ name: 'vda', sizeBytes: SIZE }] });
      const plan = await planInstall(live.machine, PLAIN_WISH);
      const stop = new AbortController();
      const outcome = await runInstall(live.machine, plan, {
        signal: stop.signal,
        onProgress: ({ step }) => step.name === name && stop.abort(),
      }).catch((error: Error) => error);
      const { installation } = await contentOf(live);
      if (outcome instanceof Error) expect([outcome.name, installation]).toEqual(['AbortError', undefined]);
      else expect(installation).toBeDefined();
      const again = await planInstall(live.machine, { ...PLAIN_WISH, force: installation !== undefined });
      await expect(runInstall(live.machine, again)).resolves.toMatchObject({ disk: '/dev/vda' });
    },
  );

  it('is alone: a second one on the same machine is refused', async () => {
    live = await makeLiveMachine({ disks: [{ name: 'vda', sizeBytes: SIZE }] });
    const plan = await planInstall(live.machine, PLAIN_WISH);
    const both = await Promise.allSettled([runInstall(live.machine, plan), runInstall(live.machine, plan)]);
    const refused = both.filter((one) => one.status === 'rejected');
    expect(refused).toHaveLength(1);
    expect(refused[0]?.reason).toMatchObject({ code: 'LIFECYCLE_BUSY' });
  });
});

describe('what is read back', () => {
  /** Takes all writes, and gives one block back otherwise. */
  const lying = (at: number): OpenBlockWriter => {
    return async (path) => {
      const writer = await openTargetDisk(path);
      return {
        ...writer,
        write: (offset, bytes) => {
          const hit = at - offset;
          const changed = Uint8Array.from(bytes);
          if (hit >= 0 && hit < bytes.length) changed[hit] = (changed[hit] ?? 0) ^ 1;
          return writer.write(offset, changed);
        },
      };
    };
  };

  it.each([
    ['the system', 'root-a', 5000, 'ROOT_HASH_MISMATCH'],
    ['the hash tree', 'root-a-verity', 4096 + 40, 'ROOT_HASH_MISMATCH'],
    ['a file of the ESP', 'esp', undefined, 'WRITE_FAILED'],
    ['the boot code', 'bios-boot', 700, 'WRITE_FAILED'],
    ['the partition table', undefined, 1024 + 32, 'WRITE_FAILED'],
  ])('differs in %s: refused, and the disk starts nothing', async (_what, label, offset, code) => {
    live = await makeLiveMachine({ disks: [{ name: 'vda', sizeBytes: SIZE }] });
    const plan = await planInstall(live.machine, PLAIN_WISH);
    const start = plan.partitions.find((partition) => partition.label === label)?.startBytes ?? 0;
    // The data region of the ESP begins with the root directory; a little later lie the loaders.
    const at = start + (offset ?? 2 * 2 ** 20 + 50_000);
    await expect(runInstall(live.machine, plan, { openDisk: lying(at) })).rejects.toMatchObject({ code });
    expect((await contentOf(live)).lines).toEqual([]);
  });

  it('differs from what the medium promises: a UKI of another digest is refused', async () => {
    live = await makeLiveMachine({ disks: [{ name: 'vda', sizeBytes: SIZE }], damageUki: true });
    const plan = await planInstall(live.machine, PLAIN_WISH);
    await expect(runInstall(live.machine, plan)).rejects.toMatchObject({ code: 'WRITE_FAILED', message: /promises/ });
  });

  it('ends early: the medium is to blame, not the disk', async () => {
    live = await makeLiveMachine({ disks: [{ name: 'vda', sizeBytes: SIZE }] });
    const plan = await planInstall(live.machine, PLAIN_WISH);
    await truncate(live.file('loop0'), 500_000);
    await expect(runInstall(live.machine, plan)).rejects.toMatchObject({
      code: 'SOURCE_UNAVAILABLE',
      message: /medium cannot be read/,
    });
    expect((await contentOf(live)).lines).toEqual([]);
  });

  it('is of another root: a medium that is damaged is refused', async () => {
    live = await makeLiveMachine({ disks: [{ name: 'vda', sizeBytes: SIZE }], damageRoot: true });
    const plan = await planInstall(live.machine, PLAIN_WISH);
    await expect(runInstall(live.machine, plan)).rejects.toMatchObject({ code: 'ROOT_HASH_MISMATCH' });
  });
});
