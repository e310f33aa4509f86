import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bowlineJson } from './fixtures/cli.ts';
import { BOOT_MS, type Skippable, type TestMachine, withMachine } from './fixtures/machine.ts';
import { writePinnedBowl } from './fixtures/tiny-build.ts';

let folder = '';
const artefact = (name: string) => join(folder, 'out/tiny', name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-media-'));
  const bowl = join(folder, 'bowl');
  await writePinnedBowl(bowl, 'outputs: [qcow2, iso, netboot, uki]');
  await bowlineJson(['build', bowl, '--debug', '--out', join(folder, 'out')]);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** How the machine came up, in words. */
async function describeMachine(machine: TestMachine): Promise<Record<string, string>> {
  await machine.waitFor(/tiny: started/, BOOT_MS);
  const firmware = await machine.ask('if [ -d /sys/firmware/efi ]; then echo uefi; else echo bios; fi');
  const typeOf = (place: string) =>
    machine.ask(`while read -r d p t r; do [ $p != ${place} ] || echo $t $d; done < /proc/mounts`);
  const disks = await machine.ask('ls /sys/class/block | grep -E "^(sd|vd|nvme)" || true');
  // A write to what is not the image must work from every medium.
  await machine.ask('echo works > /var/written && [ "$(cat /var/written)" = works ]');
  return { firmware, root: await typeOf('/'), var: (await typeOf('/var')).replace(/ .*/, ''), disks };
}

const LIVE = { root: 'squashfs /dev/mapper/root', var: 'tmpfs', disks: '' };

describe('the ISO', () => {
  it.for([
    ['UEFI', false],
    ['BIOS', true],
  ] as const)('runs live by %s, with state in memory', async ([firmware, bios], ctx) => {
    await withMachine(ctx, { imagePath: artefact('tiny-1-amd64.iso'), bios, snapshot: true }, async (machine) => {
      expect(await describeMachine(machine)).toEqual({ ...LIVE, firmware: firmware.toLowerCase() });
      expect(await machine.ask('ls /dev/disk/by-label')).toMatch(/^BOWLINE/i);
    });
  });
});

describe('the netboot folder', () => {
  it('starts a machine without any disk, from iPXE over TFTP', async (ctx: Skippable) => {
    const request = { imagePath: artefact('tiny-1-amd64-netboot'), snapshot: true };
    await withMachine(ctx, request, async (machine) => {
      await machine.waitFor(/iPXE/, BOOT_MS);
      await machine.waitFor(/Starting tiny 1/, BOOT_MS);
      expect(await describeMachine(machine)).toEqual({ ...LIVE, firmware: 'bios' });
      expect(await machine.ask('ls /sys/class/block | grep -v -E "^(loop|dm-)" || true')).toBe('');
    });
  });
});

describe('the qcow2 image', () => {
  it('starts from disk, with state on it', async (ctx) => {
    await withMachine(ctx, { imagePath: artefact('tiny-1-amd64.qcow2'), snapshot: true }, async (machine) => {
      const found = await describeMachine(machine);
      expect(found).toMatchObject({ firmware: 'uefi', root: 'squashfs /dev/mapper/root', var: 'ext4' });
      expect(found['disks']).toMatch(/^vda\n/);
    });
  });
});
