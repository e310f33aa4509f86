import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { withDevice } from '../disk/device-bytes.ts';
import { runTool } from '../disk/disc-images.testdata.ts';
import { type LiveMachine, type LiveMachineOptions, makeLiveMachine } from './live-machine.testdata.ts';
import type { InstallPlan } from './plan.ts';
import { planInstall } from './plan-install.ts';
import { runInstall } from './run-install.ts';
import { PLAIN_WISH } from './wish.ts';

const MIB = 2 ** 20;
let live: LiveMachine | undefined;

afterEach(() => live?.remove());

async function install(options: LiveMachineOptions = {}): Promise<{ machine: LiveMachine; plan: InstallPlan }> {
  live = await makeLiveMachine({ disks: [{ name: 'vda' }], ...options });
  const plan = await planInstall(live.machine, PLAIN_WISH);
  await runInstall(live.machine, plan);
  return { machine: live, plan };
}

/** A part of the disk as a file of its own; what lies beyond the first 32 MiB is a hole. */
async function extract({ machine, plan }: { machine: LiveMachine; plan: InstallPlan }, label: string, bytes?: number) {
  const part = plan.partitions.find((partition) => partition.label === label);
  const path = join(machine.root, label);
  await using to = await open(path, 'w');
  await to.truncate(bytes ?? part?.sizeBytes ?? 0);
  await withDevice(machine.file('vda'), async (read) => {
    const end = Math.min(bytes ?? part?.sizeBytes ?? 0, 32 * MIB);
    for (let at = 0; at < end; at += MIB) {
      const piece = await read((part?.startBytes ?? 0) + at, Math.min(MIB, end - at));
      await to.write(piece, 0, piece.length, at);
    }
  });
  return path;
}

describe('independent readers of an installed disk', () => {
  it('sgdisk finds no problem in the table', async (ctx) => {
    const { machine } = await install();
    const output = await runTool(ctx, ['sgdisk', '-v', machine.file('vda')]);
    expect(output).toContain('No problems found');
    expect(await runTool(ctx, ['sgdisk', '-p', machine.file('vda')])).toMatch(/root-a-verity/);
  });

  it.for([512, 4096])('fsck.vfat finds none in the ESP of a disk of %i-byte sectors', async (sectorBytes, ctx) => {
    const installed = await install({ disks: [{ name: 'vda', sectorBytes }] });
    const output = await runTool(ctx, ['fsck.vfat', '-nv', await extract(installed, 'esp')]);
    expect(output).toContain(`${sectorBytes} bytes per logical sector`);
    expect(output).toMatch(/: \d+ files, /);
  });

  it('mtools read the boot entry', async (ctx) => {
    const { machine } = await install();
    const entry = '::/loader/entries/bowline-1.conf';
    const text = await runTool(ctx, ['mtype', '-i', `${machine.file('vda')}@@${MIB}`, entry]);
    expect(text).toContain(`efi /EFI/bowline/${machine.ukiDigest.slice('sha256:'.length)}.efi`);
  });

  it('veritysetup verifies the root by the root hash', async (ctx) => {
    const installed = await install();
    const data = await extract(installed, 'root-a', installed.machine.root0.length);
    const hash = await extract(installed, 'root-a-verity');
    const argv = ['veritysetup', 'verify', data, hash, installed.machine.rootHash] as const;
    await runTool(ctx, argv);
    await using file = await open(data, 'r+');
    await file.write('x', 5000);
    await expect(runTool(ctx, argv)).rejects.toThrow(/veritysetup/);
  });
});

describe('other machines', () => {
  it('have disks of 4096-byte sectors: the table is where such disks have it, and BIOS is left out', async () => {
    const { machine, plan } = await install({ disks: [{ name: 'vda', sectorBytes: 4096 }] });
    expect(plan.firmware).toEqual(['uefi']);
    expect(plan.warnings.join()).toMatch(/UEFI only/);
    const start = await withDevice(machine.file('vda'), async (read) => read(0, 8192));
    expect(Buffer.from(start.subarray(4096, 4104)).toString()).toBe('EFI PART');
    expect(start.subarray(0, 440).every((byte) => byte === 0)).toBe(true);
  });

  it('start over the network: boot files come as the image of an ESP among the initrds', async () => {
    const { plan } = await install({ mode: 'netboot' });
    expect(plan.system.origin).toBe('what was started over the network');
    expect(plan.firmware).toEqual(['uefi', 'bios']);
  });

  it('have a medium without GRUB: the disk starts by UEFI', async () => {
    const { machine, plan } = await install({ withoutBios: true });
    expect(plan.firmware).toEqual(['uefi']);
    const start = await withDevice(machine.file('vda'), async (read) => read(0, 440));
    expect(start.every((byte) => byte === 0)).toBe(true);
  });

  it('run from their disk: without a release there is nothing to install', async () => {
    live = await makeLiveMachine({ disks: [{ name: 'vda' }], mode: 'disk' });
    await expect(planInstall(live.machine, PLAIN_WISH)).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
  });

  it('were started without install.img: they are told what is missing', async () => {
    live = await makeLiveMachine({ disks: [{ name: 'vda' }], mode: 'netboot' });
    await writeFile(live.file('loop2'), '');
    await expect(planInstall(live.machine, PLAIN_WISH)).rejects.toMatchObject({ message: /install\.img/ });
  });
});
