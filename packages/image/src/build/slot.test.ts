import type { Progress } from '@bowline/host';
import { GIB, MIB } from '@bowline/os-layout';
import { Bowl } from '@bowline/spec';
import { describe, expect, it } from 'vitest';
import { chooseSlotBytes } from './slot.ts';

function choose(squashfsBytes: number, disk: Record<string, unknown> = {}, pinned?: number) {
  const warnings: string[] = [];
  const progress: Progress = {
    task: () => Promise.reject(new Error('no task is expected')),
    warn: (text) => void warnings.push(text),
  };
  const bowl = Bowl.parse({ apiVersion: 'bowline/v1', name: 'edge', version: '1', base: { rootfs: 'r.tar' }, disk });
  const verityBytes = Math.ceil(squashfsBytes / 128) + 8192;
  return { slotBytes: chooseSlotBytes(bowl, 'amd64', { squashfsBytes, verityBytes }, pinned, progress), warnings };
}

describe('the size of a slot', () => {
  it('leaves room to grow: twice the root, or 512 MiB more, in steps of 256 MiB', () => {
    expect(choose(34 * MIB).slotBytes).toBe(768 * MIB);
    expect(choose(700 * MIB).slotBytes).toBe(1536 * MIB);
  });

  it('stays what the lock pinned, however small the root has become', () => {
    expect(choose(34 * MIB, {}, 1536 * MIB)).toEqual({ slotBytes: 1536 * MIB, warnings: [] });
  });

  it('is what the bowl says, whatever the lock pinned', () => {
    expect(choose(34 * MIB, { slot: '1 GiB', smallest: '16 GiB' }, 768 * MIB).slotBytes).toBe(GIB);
  });

  it('warns from 80 percent on', () => {
    expect(choose(819 * MIB, {}, GIB).warnings).toEqual([]);
    expect(choose(820 * MIB, {}, GIB).warnings).toEqual([expect.stringContaining('fills 80 % of its slot of 1 GiB')]);
  });

  it('that is pinned and too small names the cure, and that machines in the field cannot grow', () => {
    expect(() => choose(GIB + 1, {}, GIB)).toThrow(
      expect.objectContaining({ code: 'SLOT_TOO_SMALL', hint: expect.stringContaining('bowl.lock') }),
    );
    expect(() => choose(GIB + 1, { slot: '1 GiB', smallest: '16 GiB' })).toThrow(
      expect.objectContaining({ code: 'SLOT_TOO_SMALL', hint: expect.stringContaining('disk.slot') }),
    );
  });

  it('must fit the smallest disk of the bowl three times, or twice without recovery', () => {
    const disk = { slot: '2 GiB', smallest: '7 GiB' };
    expect(() => choose(34 * MIB, disk)).toThrow(
      expect.objectContaining({ code: 'DISK_TOO_SMALL', hint: expect.stringContaining('disk.recovery to false') }),
    );
    expect(choose(34 * MIB, { ...disk, recovery: false }).slotBytes).toBe(2 * GIB);
  });
});
