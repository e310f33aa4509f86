import { describe, expect, it } from 'vitest';
import { type LayoutRequest, layOutDisk } from './layout.ts';

const MIB = 2 ** 20;
const base: LayoutRequest = {
  disk: { path: '/dev/vda', sizeBytes: 8192 * MIB, sectorBytes: 512 },
  arch: 'amd64',
  slotBytes: 768 * MIB,
  recovery: true,
  rootHash: 'c4'.repeat(32),
  extras: [],
  stateMib: undefined,
};
const extra = (name: string, sizeMib: number, more: object = {}) => ({
  name,
  sizeMib,
  fileSystem: 'ext4',
  label: '',
  ...more,
});
const lay = (change: Partial<LayoutRequest>) => layOutDisk({ ...base, ...change });

describe('the layout of an installed disk', () => {
  it('is that of an image, and what its first start makes; state is last and takes the rest', () => {
    const parts = lay({});
    expect(parts.map(({ number, label }) => `${number ?? '-'} ${label}`)).toEqual([
      ...['1 esp', '2 bios-boot', '3 root-a', '4 root-a-verity'],
      ...['- root-b', '- root-b-verity', '- recovery', '- recovery-verity', '- bowline-state'],
    ]);
    const used = parts.slice(0, -1).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    expect(parts.at(-1)?.sizeBytes).toBeGreaterThan(8192 * MIB - used - 4 * MIB);
  });

  it('has extra partitions behind slot A, so that state can grow with the disk', () => {
    const parts = lay({ extras: [extra('data', 100), extra('raw', 50, { fileSystem: 'none' })] });
    expect(parts.slice(4, 6)).toMatchObject([
      { number: 5, label: 'data', sizeBytes: 100 * MIB, fileSystem: 'ext4' },
      { number: 6, label: 'raw', sizeBytes: 50 * MIB, fileSystem: undefined },
    ]);
  });

  it('shares what is left between state and an extra partition of size 0, or as it is told', () => {
    const half = lay({ extras: [extra('data', 0)] });
    const [data, state] = [half[4]?.sizeBytes ?? 0, half.at(-1)?.sizeBytes ?? 0];
    expect(Math.abs(data + 512 * MIB - state)).toBeLessThan(8 * MIB);
    const told = lay({ extras: [extra('data', 0)], stateMib: 1024 });
    expect(told.at(-1)?.sizeBytes).toBeGreaterThanOrEqual(1024 * MIB);
    expect(told.at(-1)?.sizeBytes).toBeLessThan(1032 * MIB);
  });

  it('keeps to sectors of 4096 bytes', () => {
    const parts = lay({ disk: { ...base.disk, sectorBytes: 4096 } });
    for (const { startBytes, sizeBytes } of parts) expect((startBytes ?? 0) % 4096 || sizeBytes % 4096).toBe(0);
  });

  it.each<[string, Partial<LayoutRequest>, string, RegExp]>([
    [
      'a small disk',
      { disk: { ...base.disk, sizeBytes: 1024 * MIB } },
      'DISK_INVALID',
      /has 1024 MiB, and 3\d\d\d MiB are needed/,
    ],
    ['extras that do not fit', { extras: [extra('data', 8000)] }, 'DISK_INVALID', /are needed/],
    ['a name of the system', { extras: [extra('root-b', 1)] }, 'CONFIG_INVALID', /two partitions/],
    ['a name twice', { extras: [extra('a', 1), extra('a', 1)] }, 'CONFIG_INVALID', /two partitions/],
    ['no name', { extras: [extra('', 1)] }, 'CONFIG_INVALID', /needs a name/],
    ['two that take the rest', { extras: [extra('a', 0), extra('b', 0)] }, 'CONFIG_INVALID', /only one/],
    ['a state that takes all', { extras: [extra('a', 0)], stateMib: 8000 }, 'CONFIG_INVALID', /leaves nothing/],
  ])('refuses %s', (_what, change, code, message) => {
    expect(() => lay(change)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) as string }),
    );
  });
});
