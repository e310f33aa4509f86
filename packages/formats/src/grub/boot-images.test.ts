import { describe, expect, it } from 'vitest';
import { coreSectors, FormatsError, type GrubImages, placeGrub, writeGpt } from '../index.ts';

const PARTITION_BYTES = 1024 * 1024;

/** Images with the marks of GRUB's and noise elsewhere. */
function makeImages(coreBytes: number): GrubImages {
  const boot = new Uint8Array(512).map((_, index) => index % 251);
  boot.set([0xeb, 0x63, 0x90]);
  boot.set([0x55, 0xaa], 510);
  const core = new Uint8Array(coreBytes).map((_, index) => index % 241);
  const list = new DataView(core.buffer);
  list.setBigUint64(500, 2n, true);
  list.setUint16(508, coreSectors(core) - 1, true);
  list.setUint16(510, 0x820, true);
  return { boot, core };
}

const mbr = writeGpt({
  diskGuid: '11111111-2222-4333-8444-555555555555',
  sizeBytes: 64 * 1024 * 1024,
  partitions: [],
}).primary.subarray(0, 512);

describe('GRUB on a BIOS disk', () => {
  const images = makeImages(161_357);
  const placed = placeGrub(images, { mbr, lba: 2_099_200, partitionBytes: PARTITION_BYTES });

  it('has code in sector 0 that loads the first sector of core.img, and the partition table as it was', () => {
    const code = new DataView(placed.mbr.buffer);
    expect(code.getBigUint64(0x5c, true)).toBe(2_099_200n);
    expect(code.getUint16(0x66, true)).toBe(0x9090);
    expect(placed.mbr.subarray(440)).toEqual(mbr.subarray(440));
    expect(placed.mbr.subarray(0, 0x5c)).toEqual(images.boot.subarray(0, 0x5c));
  });

  it('has a core.img of whole sectors whose first names the others', () => {
    expect(placed.core).toHaveLength(316 * 512);
    const list = new DataView(placed.core.buffer);
    expect(list.getBigUint64(500, true)).toBe(2_099_201n);
    expect([list.getUint16(508, true), list.getUint16(510, true)]).toEqual([315, 0x820]);
    expect(placed.core.subarray(512, 161_357)).toEqual(images.core.subarray(512));
  });

  it.each([
    ['a core.img larger than its partition', makeImages(PARTITION_BYTES + 1)],
    ['a core.img that was cut off', { ...images, core: images.core.subarray(0, 512) }],
    ['a boot.img of zeros', { ...images, boot: new Uint8Array(512) }],
  ])('refuses %s', (_title, wrong) => {
    expect(() => placeGrub(wrong, { mbr, lba: 34, partitionBytes: PARTITION_BYTES })).toThrow(FormatsError);
  });
});
