import { describe, expect, it } from 'vitest';
import {
  diskLayout,
  fitsDisk,
  GIB,
  kernelCommandLine,
  MIB,
  OsLayoutError,
  recoveryUuids,
  repartDefinitions,
  rootHashOf,
  slotSizeBytes,
  slotUuids,
  smallestDiskBytes,
  ukiPath,
  veritySizeBytes,
} from './index.ts';

const ROOT_HASH = 'c40712c5dfad5841fad4cd96d6efd12e978202b29b001a28272fdf1a7ae78ba0';

describe('sizes', () => {
  it('gives a slot twice the root, at least 512 MiB more, in steps of 256 MiB', () => {
    expect(slotSizeBytes(100 * MIB)).toBe(768 * MIB);
    expect(slotSizeBytes(512 * MIB)).toBe(GIB);
    expect(slotSizeBytes(512 * MIB + 1)).toBe(1280 * MIB);
    expect(slotSizeBytes(2 * GIB)).toBe(4 * GIB);
  });

  it('gives the hash tree what veritysetup needs, in steps of 8 MiB', () => {
    expect(veritySizeBytes(256 * MIB)).toBe(8 * MIB);
    expect(veritySizeBytes(GIB)).toBe(16 * MIB);
    // A tree of 4 KiB blocks with 128 hashes each, over the largest root a slot can hold.
    for (const slot of [256 * MIB, GIB, 16 * GIB]) {
      let blocks = slot / 4096;
      let tree = 1;
      while (blocks > 1) {
        blocks = Math.ceil(blocks / 128);
        tree += blocks;
      }
      expect(veritySizeBytes(slot)).toBeGreaterThanOrEqual(tree * 4096);
    }
  });

  it('knows the smallest disk to the byte', () => {
    const demand = { slotBytes: GIB, recovery: true };
    const bytes = smallestDiskBytes(demand);
    expect(fitsDisk(demand, bytes)).toBe(true);
    expect(fitsDisk(demand, bytes - 1)).toBe(false);
    expect(smallestDiskBytes({ ...demand, recovery: false })).toBe(bytes - GIB - 16 * MIB);
  });

  it('refuses what is no size', () => {
    for (const bytes of [0, -1, 0.5, Number.NaN, 2 ** 60]) expect(() => slotSizeBytes(bytes)).toThrow(OsLayoutError);
  });
});

describe('disk layout', () => {
  it('has a BIOS boot partition on amd64 only, and recovery when asked for', () => {
    const roles = (arch: 'amd64' | 'arm64', recovery: boolean): string[] =>
      diskLayout({ arch, slotBytes: GIB, recovery }).map(({ role }) => role);
    expect(roles('amd64', true)).toEqual([
      ...['esp', 'bios-boot', 'root-a', 'root-a-verity', 'root-b', 'root-b-verity', 'recovery', 'recovery-verity'],
      'state',
    ]);
    expect(roles('arm64', false)).toEqual(['esp', 'root-a', 'root-a-verity', 'root-b', 'root-b-verity', 'state']);
  });

  it('tells repart every fixed size twice and lets only state grow', () => {
    const files = repartDefinitions({ arch: 'arm64', slotBytes: GIB, recovery: false });
    expect(files.map(({ name }) => name)).toEqual([
      '10-root-a.conf',
      '20-root-a-verity.conf',
      '30-root-b.conf',
      '40-root-b-verity.conf',
      '50-bowline-state.conf',
    ]);
    expect(files[0]?.text).toContain(
      `SizeMinBytes=${GIB}\nSizeMaxBytes=${GIB}\nWeight=0\nReadOnly=yes\nNoAuto=yes\nGrowFileSystem=no\n`,
    );
    expect(files[4]?.text).toContain('Weight=1000\nFormat=ext4\n');
    expect(files[4]?.text).not.toContain('SizeMaxBytes');
  });

  it('derives the partition GUIDs of a slot from its root hash', () => {
    expect(slotUuids(ROOT_HASH)).toEqual({
      data: 'c40712c5-dfad-5841-fad4-cd96d6efd12e',
      hash: '978202b2-9b00-1a28-272f-df1a7ae78ba0',
    });
    expect(() => slotUuids(ROOT_HASH.toUpperCase())).toThrow(OsLayoutError);
  });

  it('derives other GUIDs for the same root in the recovery slot, and finds the hash again', () => {
    const recovery = recoveryUuids(ROOT_HASH);
    expect(recovery).toEqual({
      data: '3bf8ed3a-2052-a7be-052b-326929102ed1',
      hash: '687dfd4d-64ff-e5d7-d8d0-20e58518745f',
    });
    expect(rootHashOf(recovery, 'recovery')).toBe(ROOT_HASH);
    expect(rootHashOf(slotUuids(ROOT_HASH), 'version')).toBe(ROOT_HASH);
    expect(rootHashOf({ data: '', hash: '' }, 'version')).toBeUndefined();
    expect(() => recoveryUuids('')).toThrow(OsLayoutError);
  });
});

describe('kernel command line', () => {
  const options = { arch: 'amd64', rootHash: ROOT_HASH, mode: 'disk', extra: ['nosmt', 'console=ttyS4'] } as const;

  it('panics on corruption, reboots after a panic, and ends with the user’s arguments', () => {
    const line = kernelCommandLine(options);
    expect(line).toMatch(/^roothash=c407/);
    expect(line).toContain(' systemd.verity_root_options=panic-on-corruption ');
    expect(line).toContain(' panic=5 softlockup_panic=1 gpt ');
    expect(line).toMatch(/ console=ttyS0,115200 nosmt console=ttyS4$/);
    expect(line).not.toContain('bowline.');
  });

  it('takes the root from loop devices when it lies in files', () => {
    expect(kernelCommandLine({ ...options, mode: 'live', liveLabel: 'STARTER_1' })).toContain(
      ' systemd.verity_root_data=/dev/disk/by-loop-ref/bowline-root systemd.verity_root_hash=/dev/disk/by-loop-ref/bowline-verity bowline.live=STARTER_1 ',
    );
    expect(kernelCommandLine({ ...options, mode: 'netboot' })).toContain(' bowline.netboot ');
  });

  it('takes the root of the recovery from a slot of its own, and that of a reset from where it always is', () => {
    const { data, hash } = recoveryUuids(ROOT_HASH);
    expect(kernelCommandLine({ ...options, mode: 'recovery' })).toContain(
      ` systemd.verity_root_data=PARTUUID=${data} systemd.verity_root_hash=PARTUUID=${hash} bowline.recovery `,
    );
    expect(kernelCommandLine({ ...options, mode: 'reset' })).toBe(
      kernelCommandLine(options).replace(' gpt ', ' gpt bowline.reset '),
    );
  });

  it('refuses words that would become something else in the initrd', () => {
    expect(() => kernelCommandLine({ ...options, mode: 'live', liveLabel: '../x' })).toThrow(OsLayoutError);
    expect(() => kernelCommandLine({ ...options, debugTerminal: 'tty S1' })).toThrow(OsLayoutError);
    expect(() => kernelCommandLine({ ...options, extra: ['a b'] })).toThrow(OsLayoutError);
    expect(() => kernelCommandLine({ ...options, extra: ['a"b'] })).toThrow(OsLayoutError);
  });
});

describe('boot entries', () => {
  it('names UKIs by their content', () => {
    expect(ukiPath(`sha256:${ROOT_HASH}`)).toBe(`EFI/bowline/${ROOT_HASH}.efi`);
    expect(() => ukiPath('sha256:../../x')).toThrow(OsLayoutError);
  });
});
