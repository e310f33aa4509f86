import { createHash } from 'node:crypto';
import { mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseGpt, readFat32 } from '@bowline/formats';
import { afterEach, describe, expect, it } from 'vitest';
import { withDevice } from '../disk/device-bytes.ts';
import { type LiveMachine, type LiveMachineOptions, makeLiveMachine } from './live-machine.testdata.ts';
import type { InstallProgress } from './plan.ts';
import { planInstall } from './plan-install.ts';
import { runInstall } from './run-install.ts';
import { type InstallWish, PLAIN_WISH } from './wish.ts';

const MIB = 2 ** 20;
let live: LiveMachine | undefined;

async function start(options: LiveMachineOptions = {}): Promise<LiveMachine> {
  live = await makeLiveMachine({ disks: [{ name: 'vda' }], ...options });
  return live;
}

afterEach(() => live?.remove());

async function install({ machine }: LiveMachine, wish: Partial<InstallWish> = {}) {
  const plan = await planInstall(machine, { ...PLAIN_WISH, ...wish });
  return { plan, result: await runInstall(machine, plan) };
}

/** The table and the files of an installed disk, by readers that know nothing of the plan. */
async function examine(file: string, sectorBytes: 512 | 4096 = 512) {
  return withDevice(file, async (read) => {
    const diskSizeBytes = await sizeOf(file);
    const start = await read(0, MIB);
    const end = await read(diskSizeBytes - 64 * 1024, 64 * 1024);
    const table = parseGpt({ start, end, diskSizeBytes, sectorBytes });
    const esp = table.partitions.find(({ name }) => name === 'esp');
    const at = (esp?.startLba ?? 0) * sectorBytes;
    const volume = await readFat32((offset, length) => read(at + offset, length));
    const files = new Map<string, Uint8Array>();
    for (const { path, type, runs, sizeBytes } of volume.entries) {
      if (type !== 'file') continue;
      const parts: Uint8Array[] = [];
      for (const run of runs) parts.push(await read(at + run.offset, run.length));
      files.set(path, new Uint8Array(Buffer.concat(parts).subarray(0, sizeBytes)));
    }
    return { table, files, start };
  });
}

async function sizeOf(file: string): Promise<number> {
  await using handle = await open(file);
  return (await handle.stat()).size;
}

const textOf = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes).trim();

describe('an installation', () => {
  it('leaves the layout that the first start completes, with the root in slot A', async () => {
    const machine = await start();
    const { plan, result } = await install(machine);
    const { table } = await examine(machine.file('vda'));
    expect(table).toMatchObject({ problems: [], source: 'primary' });
    expect(table.partitions.map(({ name, sizeBytes }) => [name, sizeBytes / MIB])).toEqual([
      ['esp', 1024],
      ['bios-boot', 1],
      ['root-a', 8],
      ['root-a-verity', 8],
    ]);
    const [, , data, hash] = table.partitions;
    expect([data?.partGuid, hash?.partGuid].join('').replaceAll('-', '')).toBe(machine.rootHash);
    expect(data?.attributes).toEqual(['read-only', 'no-auto']);
    const offset = (data?.startLba ?? 0) * 512;
    const root = await withDevice(machine.file('vda'), async (read) => read(offset, machine.root0.length));
    expect(Buffer.from(root).equals(machine.root0)).toBe(true);
    expect(plan.partitions.filter(({ number }) => number === undefined).map(({ label }) => label)).toEqual([
      ...['root-b', 'root-b-verity', 'recovery', 'recovery-verity', 'bowline-state'],
    ]);
    expect(result).toMatchObject({ disk: '/dev/vda', warnings: [], system: { name: 'edge', version: '1.2' } });
  });

  it('puts boot loader, a proven entry, the UKI and the configurations on the ESP', async () => {
    const machine = await start();
    const configurations = [
      { origin: 'a', text: '#cloud-config\nhostname: one # kept\ninstall:\n  auto: true\n' },
      { origin: 'b', text: '#cloud-config\ninstall: {auto: true, device: /dev/vda}\n' },
    ];
    await install(machine, { configurations, title: 'Edge of town' });
    const { files } = await examine(machine.file('vda'));
    const hex = machine.ukiDigest.slice('sha256:'.length);
    const grub = ['grub.cfg', 'grubenv', 'menu-a.cfg', 'menu-b.cfg', 'menu.cfg'];
    expect([...files.keys()].toSorted()).toEqual(
      [
        ...grub.map((name) => `bowline/grub/${name}`),
        ...['EFI/BOOT/BOOTX64.EFI', 'EFI/systemd/systemd-bootx64.efi', `EFI/bowline/${hex}.efi`],
        ...['bowline/first-boot/90_custom.yaml', 'bowline/first-boot/91_custom.yaml'],
        ...['bowline/reason', 'bowline/starts'],
        ...['loader/entries.srel', 'loader/entries/bowline-1.conf', 'loader/loader.conf'],
      ].toSorted(),
    );
    const uki = files.get(`EFI/bowline/${hex}.efi`) ?? new Uint8Array(0);
    expect(createHash('sha256').update(uki).digest('hex')).toBe(hex);
    expect(textOf(files.get('loader/entries/bowline-1.conf')).split('\n')).toEqual([
      ...['title Edge of town', 'version 1', 'sort-key bowline', `efi /EFI/bowline/${hex}.efi`],
    ]);
    expect(textOf(files.get('bowline/first-boot/90_custom.yaml'))).toBe('#cloud-config\nhostname: one # kept');
    expect(textOf(files.get('bowline/first-boot/91_custom.yaml'))).toBe('#cloud-config\ninstall: { device: /dev/vda }');
    expect(textOf(files.get('bowline/grub/menu-a.cfg'))).toMatch(new RegExp(`^version bowline-1 good 0 ${hex} `));
  });

  it('warns when another disk holds one as well: the machine might start from either', async () => {
    const machine = await start({ disks: [{ name: 'vda' }, { name: 'vdb' }] });
    await install(machine, { device: '/dev/vdb' });
    const { plan } = await install(machine, { device: '/dev/vda' });
    expect(plan.warnings).toEqual([expect.stringMatching(/^\/dev\/vdb holds an installation \(edge 1\.2\) too/)]);
  });

  it('runs the stages around it; a step before it may stop it', async () => {
    const stages = ['kairos-install.pre', 'before-install', 'after-install', 'kairos-install.after'];
    const steps = stages.map((name) => `  ${name}: [{ name: note, files: [{ path: /notes/${name}, content: x }] }]\n`);
    const machine = await start({ files: { '/oem/a.yaml': `#cloud-config\nstages:\n${steps.join('')}` } });
    const { result } = await install(machine);
    expect(result.warnings).toEqual([]);
    expect((await readdir(join(machine.root, 'notes'))).toSorted()).toEqual(stages.toSorted());
    await mkdir(join(machine.root, 'run/cos'), { recursive: true });
    await writeFile(join(machine.root, 'run/cos/fail_installation'), '');
    await expect(install(machine, { force: true })).rejects.toMatchObject({ code: 'STEP_FAILED' });
  });

  it('says how far it is, step by step, and never goes back', async () => {
    const machine = await start();
    const plan = await planInstall(machine.machine, PLAIN_WISH);
    const seen: InstallProgress[] = [];
    await runInstall(machine.machine, plan, { onProgress: (progress) => void seen.push(progress) });
    expect([...new Set(seen.map(({ step }) => step.name))]).toEqual(plan.steps.map(({ name }) => name));
    const done = seen.map(({ totalDoneBytes }) => totalDoneBytes);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(done.at(-1)).toBe(seen.at(-1)?.totalBytes);
  });
});
