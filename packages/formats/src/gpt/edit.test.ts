import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatsError } from '../error.ts';
import { editGpt, type GptChanges, type GptEdited, usableSectors } from './edit.ts';
import { type GptEnds, parseGpt } from './read.ts';
import { type GptPartition, PARTITION_TYPE } from './table.ts';
import { writeGpt } from './write.ts';

const MIB = 1024 * 1024;
const guidOf = (number: number) => `aaaaaaaa-0000-4000-8000-${String(number).padStart(12, '0')}`;
const data = (number: number, startMib: number, sizeMib: number): GptPartition => ({
  typeGuid: PARTITION_TYPE.linuxGeneric,
  partGuid: guidOf(number),
  name: `part-${number}`,
  startLba: startMib * 2048,
  sizeBytes: sizeMib * MIB,
});

function makeDisk(sizeMib: number, partitions: GptPartition[], bootCode?: Uint8Array): Uint8Array {
  const disk = new Uint8Array(sizeMib * MIB);
  const table = writeGpt({
    diskGuid: guidOf(99),
    sizeBytes: disk.length,
    partitions,
    ...(bootCode ? { bootCode } : {}),
  });
  disk.set(table.primary);
  disk.set(table.backup, table.backupLba * 512);
  return disk;
}

function endsOf(disk: Uint8Array): GptEnds {
  return { start: disk.subarray(0, 34 * 512), end: disk.subarray(-33 * 512), diskSizeBytes: disk.length };
}

function apply(disk: Uint8Array, changes: GptChanges): GptEdited {
  const edited = editGpt(endsOf(disk), changes);
  for (const { offset, bytes } of [edited.backup, edited.primary, edited.mbr]) disk.set(bytes, offset);
  return edited;
}

describe('editing a GPT', () => {
  it('adds behind what is there and leaves all else alone', () => {
    const code = new Uint8Array(440).fill(0x90);
    const disk = makeDisk(64, [{ ...data(1, 1, 4), attributes: ['required', 'no-auto'] }], code);
    const before = parseGpt(endsOf(disk)).partitions[0];
    expect(apply(disk, { add: [data(2, 8, 8)] }).numbers).toEqual([2]);
    const found = parseGpt(endsOf(disk));
    expect(found.problems).toEqual([]);
    expect(found.partitions).toMatchObject([before, data(2, 8, 8)]);
    expect(disk.subarray(0, 440)).toEqual(code);
  });

  it('moves the backup to the end of a disk that has grown', () => {
    const small = makeDisk(16, [data(1, 1, 4)]);
    const disk = new Uint8Array(64 * MIB);
    disk.set(small);
    const { lastLba } = usableSectors(endsOf(disk));
    expect(lastLba).toBe(64 * 2048 - 34);
    apply(disk, { add: [], resize: { number: 1, sizeBytes: 40 * MIB } });
    const found = parseGpt(endsOf(disk));
    expect(found).toMatchObject({ problems: [], lastUsableLba: lastLba });
    expect(found.partitions[0]?.sizeBytes).toBe(40 * MIB);
    expect(new DataView(disk.buffer).getUint32(458, true)).toBe(64 * 2048 - 1);
  });

  it('repairs the damaged copy from the good one', () => {
    const disk = makeDisk(64, [data(1, 1, 4)]);
    disk[512 + 20] = 0xff;
    disk[1024 + 3] = 0xff;
    apply(disk, { add: [data(2, 8, 4)] });
    expect(parseGpt(endsOf(disk))).toMatchObject({ problems: [], source: 'primary', partitions: { length: 2 } });
  });

  it('gives partitions another GUID and leaves all else alone', () => {
    const disk = makeDisk(64, [data(1, 1, 4), data(2, 8, 8), data(3, 20, 8)]);
    const before = disk.slice();
    const identify = [
      { number: 2, partGuid: guidOf(22) },
      { number: 3, partGuid: guidOf(33) },
    ];
    const edited = apply(disk, { add: [], identify });
    expect(parseGpt(endsOf(disk))).toMatchObject({
      problems: [],
      partitions: [
        data(1, 1, 4),
        { ...data(2, 8, 8), partGuid: guidOf(22) },
        { ...data(3, 20, 8), partGuid: guidOf(33) },
      ],
    });
    expect(edited.mbr.bytes).toEqual(before.subarray(0, 512));
    // 2 GUIDs, and the checksums of header and entries, in each of the copies.
    const changed = disk.reduce((count, byte, at) => count + (byte === before[at] ? 0 : 1), 0);
    expect(changed).toBeLessThanOrEqual(2 * (2 * 16 + 8));
  });

  it('knows sectors of 4096 bytes', () => {
    const disk = new Uint8Array(64 * MIB);
    const part = { ...data(1, 0, 4), startLba: 256 };
    const table = writeGpt({ diskGuid: guidOf(99), sizeBytes: disk.length, partitions: [part], sectorBytes: 4096 });
    disk.set(table.primary);
    disk.set(table.backup, table.backupLba * 4096);
    const ends = { start: disk.subarray(0, 81_920), end: disk.subarray(-81_920), diskSizeBytes: disk.length };
    const edited = editGpt({ ...ends, sectorBytes: 4096 }, { add: [], identify: [{ number: 1, partGuid: guidOf(5) }] });
    for (const { offset, bytes } of [edited.backup, edited.primary, edited.mbr]) disk.set(bytes, offset);
    expect(parseGpt({ ...ends, sectorBytes: 4096 })).toMatchObject({
      problems: [],
      partitions: [{ ...part, partGuid: guidOf(5) }],
    });
  });

  it.each<[string, GptChanges, RegExp]>([
    ['an overlap', { add: [data(2, 3, 4)] }, /overlap/],
    ['growth into the next one', { add: [], resize: { number: 1, sizeBytes: 20 * MIB } }, /overlap/],
    ['the end of the disk', { add: [data(2, 20, 60)] }, /beyond/],
    ['a place before the usable space', { add: [data(2, 0, 1)] }, /before/],
    ['a GUID that exists', { add: [{ ...data(1, 20, 4) }] }, /twice/],
    ['another GUID of what is not there', { add: [], identify: [{ number: 7, partGuid: guidOf(7) }] }, /not there/],
    ['the GUID of another one', { add: [], identify: [{ number: 1, partGuid: guidOf(9) }] }, /twice/],
    ['half a sector', { add: [{ ...data(2, 20, 4), sizeBytes: 700 }] }, /multiple of 512/],
    ['a long name', { add: [{ ...data(2, 20, 4), name: 'x'.repeat(37) }] }, /36 characters/],
    ['a partition that is not there', { add: [], resize: { number: 7, sizeBytes: MIB } }, /not there/],
  ])('refuses %s', (_, changes, message) => {
    const disk = makeDisk(64, [data(1, 1, 4), data(9, 12, 4)]);
    expect(() => editGpt(endsOf(disk), changes)).toThrow(message);
  });

  it('refuses a full table', () => {
    const all = Array.from({ length: 128 }, (_, index) => data(index + 1, index + 1, 1));
    expect(() => editGpt(endsOf(makeDisk(160, all)), { add: [data(200, 140, 1)] })).toThrow('128 partitions');
  });

  it('throws nothing but its own errors on damaged tables', () => {
    const disk = makeDisk(4, [data(1, 1, 2)]);
    fc.assert(
      fc.property(fc.nat(2000), fc.uint8Array({ minLength: 1, maxLength: 64 }), (at, junk) => {
        const copy = disk.slice();
        copy.set(junk, at);
        copy.fill(0, copy.length - 33 * 512);
        try {
          editGpt(endsOf(copy), { add: [data(2, 3, 1)] });
        } catch (error) {
          expect(error).toBeInstanceOf(FormatsError);
        }
      }),
      { numRuns: 100 },
    );
  });
});
