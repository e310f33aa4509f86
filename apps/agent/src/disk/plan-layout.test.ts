import { type GptPartitionFound, PARTITION_TYPE } from '@bowline/formats';
import { STATE_LABEL, TYPE_GUID } from '@bowline/os-layout';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PartitionRequest } from './layout-request.ts';
import { type LayoutInput, planLayout } from './plan-layout.ts';

const MIB = 1024 * 1024;
let counter = 0;
const newGuid = () => `00000000-0000-4000-8000-${String((counter += 1)).padStart(12, '0')}`;

function found(number: number, startMib: number, sizeMib: number, more: Partial<GptPartitionFound> = {}) {
  return {
    number,
    name: `part-${number}`,
    typeGuid: PARTITION_TYPE.linuxGeneric,
    partGuid: newGuid(),
    startLba: startMib * 2048,
    sizeBytes: sizeMib * MIB,
    attributes: [],
    attributeBits: 0n,
    ...more,
  };
}

const wish = (name: string, sizeMib: number, more: Partial<PartitionRequest> = {}): PartitionRequest => ({
  ...{ name, label: '', sizeMib, fileSystem: 'ext4', bootable: false },
  ...more,
});

function plan(sizeMib: number, partitions: GptPartitionFound[], requests: PartitionRequest[], expandMib?: number) {
  const usable = { firstLba: 34, lastLba: sizeMib * 2048 - 34 };
  const input: LayoutInput = { table: { partitions }, usable, requests, expandMib, newGuid };
  return planLayout(input);
}

describe('planning a disk', () => {
  it('starts at 1 MiB on an empty disk and takes the rest up to the backup', () => {
    expect(plan(1024, [], [wish('data', 0)]).add).toMatchObject([{ startLba: 2048, sizeBytes: 1022 * MIB }]);
  });

  it('puts partitions one behind the other, with the size that was asked for', () => {
    const { add } = plan(1024, [found(1, 1, 64)], [wish('a', 100), wish('b', 200), wish('c', 0)]);
    expect(add.map(({ startLba, sizeBytes }) => [startLba / 2048, sizeBytes / MIB])).toEqual([
      [65, 100],
      [165, 200],
      [365, 658],
    ]);
  });

  it('leaves alone what is there by its name, whatever its size', () => {
    const there = found(1, 1, 64, { name: 'data' });
    const { add, present } = plan(1024, [there], [wish('data', 500)]);
    expect(add).toEqual([]);
    expect(present).toMatchObject([{ partition: there }]);
  });

  it('asks for no free space when nothing is to be added', () => {
    expect(plan(66, [found(1, 1, 64, { name: 'data' })], [wish('data', 0)]).add).toEqual([]);
  });

  it('adds before it grows: the new last one grows', () => {
    const { add, grow } = plan(1024, [found(1, 1, 64)], [wish('a', 100)], 0);
    expect(add[0]?.sizeBytes).toBe(958 * MIB);
    expect(grow).toBeUndefined();
  });

  it('grows the last one by its place, not by its number', () => {
    const { grow } = plan(1024, [found(1, 500, 64), found(2, 1, 64)], [], 0);
    expect(grow).toMatchObject({ partition: { number: 1 }, sizeBytes: 523 * MIB });
  });

  it('grows to a size, and is content when it has it', () => {
    expect(plan(1024, [found(1, 1, 64)], [], 128).grow?.sizeBytes).toBe(128 * MIB);
    expect(plan(1024, [found(1, 1, 64)], [], 64).grow).toBeUndefined();
  });

  it('does not grow for less than 32 MiB', () => {
    expect(plan(96, [found(1, 1, 64)], [], 0).grow).toBeUndefined();
    expect(plan(98, [found(1, 1, 64)], [], 0).grow?.sizeBytes).toBe(96 * MIB);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['more than there is', () => plan(128, [found(1, 1, 64)], [wish('a', 100)]), /needs 100 MiB, 62 MiB are free/],
    ['less than 32 MiB of free space', () => plan(90, [found(1, 1, 64)], [wish('a', 0)]), /at least 32 MiB, 24/],
    ['something behind what takes the rest', () => plan(512, [], [wish('a', 0), wish('b', 10)]), /0 MiB are free/],
    ['to shrink', () => plan(512, [found(1, 1, 64)], [], 32), /would shrink/],
    ['to grow beyond the disk', () => plan(512, [found(1, 1, 64)], [], 600), /do not fit, 510 MiB do/],
    ['to grow what is not there', () => plan(512, [], [], 0), /there is no partition/],
  ])('refuses %s', (_, run, message) => {
    expect(run).toThrow(expect.objectContaining({ code: 'DISK_INVALID', message: expect.stringMatching(message) }));
  });

  it.each([
    ['the ESP', { name: 'esp', typeGuid: TYPE_GUID.esp }],
    ['a slot', { name: 'root-a', typeGuid: TYPE_GUID.root.amd64 }],
    ['its hashes', { name: 'root-b-verity', typeGuid: TYPE_GUID.rootVerity.arm64 }],
    ['what has the name of one', { name: 'recovery' }],
  ])('does not grow %s', (_, more) => {
    expect(() => plan(1024, [found(1, 1, 64, more)], [], 0)).toThrow(/belongs to the system/);
  });

  it('grows state, and adds behind slots', () => {
    const state = found(2, 65, 64, { name: STATE_LABEL, typeGuid: TYPE_GUID.state });
    const slot = found(1, 1, 64, { name: 'root-a', typeGuid: TYPE_GUID.root.amd64 });
    expect(plan(1024, [slot, state], [], 0).grow?.partition.name).toBe(STATE_LABEL);
    expect(plan(1024, [slot], [wish('data', 0)]).add).toHaveLength(1);
  });

  it.each([
    [{ fileSystem: 'ext4', bootable: false }, PARTITION_TYPE.linuxGeneric, undefined],
    [{ fileSystem: 'ext4', bootable: true }, PARTITION_TYPE.linuxGeneric, ['legacy-bios-bootable']],
    [{ fileSystem: 'fat32', bootable: true }, PARTITION_TYPE.esp, undefined],
    [{ fileSystem: 'fat', bootable: false }, 'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7', undefined],
    [{ fileSystem: 'swap', bootable: false }, '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f', undefined],
  ] as const)('gives %o its type', (more, typeGuid, attributes) => {
    const [made] = plan(512, [], [wish('x', 100, more)]).add;
    expect(made?.typeGuid).toBe(typeGuid);
    expect(made?.attributes).toEqual(attributes);
  });

  it('never overlaps, never leaves the usable space, always on boundaries of 1 MiB', () => {
    const disk = fc.record({
      sizeMib: fc.integer({ min: 64, max: 100_000 }),
      existing: fc.array(fc.record({ gap: fc.nat(3000), sectors: fc.integer({ min: 1, max: 5_000_000 }) }), {
        maxLength: 6,
      }),
      wishes: fc.array(fc.nat(9000), { maxLength: 6 }),
      expand: fc.option(fc.nat(90_000), { nil: undefined }),
    });
    fc.assert(
      fc.property(disk, ({ sizeMib, existing, wishes, expand }) => {
        let next = 34;
        const lastLba = sizeMib * 2048 - 34;
        const partitions: GptPartitionFound[] = [];
        for (const { gap, sectors } of existing) {
          const startLba = next + gap;
          if (startLba + sectors - 1 > lastLba) break;
          partitions.push({ ...found(partitions.length + 1, 0, 0), startLba, sizeBytes: sectors * 512 });
          next = startLba + sectors;
        }
        const requests = wishes.map((size, index) => wish(`new-${index}`, size));
        let result: ReturnType<typeof plan>;
        try {
          result = plan(sizeMib, partitions, requests, expand);
        } catch (error) {
          expect(error).toMatchObject({ code: 'DISK_INVALID' });
          return;
        }
        const { grow, add } = result;
        const after = partitions.map((one) => (one === grow?.partition ? { ...one, sizeBytes: grow.sizeBytes } : one));
        let end = 34;
        for (const one of [...after, ...add].toSorted((a, b) => a.startLba - b.startLba)) {
          expect(one.startLba).toBeGreaterThanOrEqual(end);
          end = one.startLba + one.sizeBytes / 512;
        }
        expect(end - 1).toBeLessThanOrEqual(lastLba);
        for (const one of add) expect([one.startLba % 2048, one.sizeBytes % MIB]).toEqual([0, 0]);
      }),
      { numRuns: 500 },
    );
  });
});
