import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeHost } from '@bowline/host';
import { afterEach, describe, expect, it } from 'vitest';
import { runAgent } from '../agent.ts';
import { EfiVariables, GLOBAL_GUID } from '../boot-menu/efi-variables.ts';
import { type LiveMachine, type LiveMachineOptions, makeLiveMachine } from '../install/live-machine.testdata.ts';

let live: LiveMachine | undefined;
afterEach(() => live?.remove());

async function start(options: LiveMachineOptions = {}): Promise<LiveMachine> {
  live = await makeLiveMachine({
    disks: [{ name: 'vda' }],
    ...options,
    files: {
      '/sys/class/tty/console/active': 'tty0 ttyS0\n',
      '/dev/tty0': '',
      '/dev/ttyS0': '',
      '/usr/sbin/poweroff': '#!/bin/sh\n: >"${0%/usr/sbin/poweroff}/went-down"\n',
      ...options.files,
    },
  });
  await chmod(join(live.root, 'usr/sbin/poweroff'), 0o755);
  return live;
}

async function agent({ root }: LiveMachine, ...argv: string[]) {
  let stdout = '';
  let stderr = '';
  const exitCode = await runAgent(argv, {
    host: async () => nodeHost(),
    root,
    cwd: root,
    version: 'test',
    signal: new AbortController().signal,
    stdout: async (text) => void (stdout += text),
    stderr: async (text) => void (stderr += text),
  });
  return { exitCode, stdout, stderr };
}

const consoleOf = (machine: LiveMachine) => readFile(join(machine.root, 'dev/ttyS0'), 'utf8');
const isDown = (machine: LiveMachine) =>
  readFile(join(machine.root, 'went-down')).then(
    () => true,
    () => false,
  );
const AUTO = '#cloud-config\ninstall: { auto: true, poweroff: true }\nhostname: given\n';

describe('bowline-agent install --unattended', () => {
  it('does nothing unless install.auto says so', async () => {
    const machine = await start({ files: { '/oem/a.yaml': '#cloud-config\ninstall: { device: auto }\n' } });
    const { exitCode, stdout } = await agent(machine, 'install', '--unattended');
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'Nothing to do: install.auto is not set.\n' });
    expect(await consoleOf(machine)).toBe('');
  });

  it.each<[string, LiveMachineOptions]>([
    ['a file of the live system', { files: { '/oem/a.yaml': AUTO } }],
    ['the medium', { files: { '/run/initramfs/live/config.yaml': AUTO } }],
    ['the kernel command line', { commandLine: 'install.auto install.poweroff=true hostname=given' }],
  ])('installs when %s says so, shows it on the console, and switches off', async (_what, options) => {
    const machine = await start(options);
    const { exitCode, stderr } = await agent(machine, 'install', '--unattended');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    const shown = await consoleOf(machine);
    expect(shown).toContain('on /dev/vda (2 GiB)');
    expect(shown).toMatch(/ % {2}Write the system/);
    expect(shown).toContain('edge 1.2 is installed on /dev/vda');
    expect(shown).toContain('The machine switches off.');
    expect(await isDown(machine)).toBe(true);
  });

  it('does not install a second time: the medium may stay in', async () => {
    const machine = await start({ files: { '/oem/a.yaml': AUTO } });
    await agent(machine, 'install', '--unattended');
    await writeFile(join(machine.root, 'dev/ttyS0'), '');
    const { exitCode, stderr } = await agent(machine, 'install', '--unattended');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('DISK_IN_USE');
    const shown = await consoleOf(machine);
    expect(shown).toContain('holds an installation (edge 1.2)');
    expect(shown).toContain('Take the medium out');
    expect(shown).toContain('The live system goes on');
  });
});

describe('bowline-agent install', () => {
  it('shows with --dry-run what it would do, without secrets, and writes nothing', async () => {
    const machine = await start({ files: { '/oem/a.yaml': '#cloud-config\nenv: [TOKEN=secret]\nhostname: hush\n' } });
    const { exitCode, stdout } = await agent(machine, 'install', 'auto', '--dry-run');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /install edge 1\.2 .* from this medium\non \/dev\/vda \(2 GiB\)\nthe disk is empty\nwrites:\n {2}esp: /,
    );
    expect(stdout).toContain('configuration: /oem/a.yaml');
    const asJson = await agent(machine, 'install', '/dev/vda', '--dry-run', '--json');
    for (const text of [stdout, asJson.stdout]) expect(text).not.toMatch(/secret|hush/);
    expect(JSON.parse(asJson.stdout)).toMatchObject({
      disk: { path: '/dev/vda' },
      env: ['TOKEN'],
      firmware: ['uefi', 'bios'],
    });
    expect((await readFile(machine.file('loop1'))).length).toBeGreaterThan(0);
    expect((await agent(machine, 'install', 'auto', '--dry-run')).stdout).toContain('the disk is empty');
  });

  it('wants to hear --yes where nobody can be asked', async () => {
    const machine = await start();
    const { exitCode, stderr } = await agent(machine, 'install', '/dev/vda');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/Nothing was written.*\n.*--yes/);
  });

  it('takes configurations that it is given, and leaves the power on unless told', async () => {
    const machine = await start({ files: { '/given.yaml': '#cloud-config\nhostname: given\n' } });
    const config = join(machine.root, 'given.yaml');
    const { exitCode, stdout } = await agent(machine, 'install', 'auto', '--config', config, '--yes', '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ installed: true, disk: '/dev/vda', after: 'nothing' });
    expect(await isDown(machine)).toBe(false);
    const again = await agent(machine, 'manual-install', config, '--device', '/dev/vda', '--force', '--poweroff');
    expect(again).toMatchObject({ exitCode: 0 });
    expect(await isDown(machine)).toBe(true);
  });

  it('refuses a configuration that is none, before it looks at any disk', async () => {
    const machine = await start({ files: { '/given.yaml': '{ no: [yaml\n' } });
    const { exitCode, stderr } = await agent(machine, 'install', 'auto', '--config', 'given.yaml', '--yes');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('CONFIG_INVALID');
  });

  it('refuses what it could only do by half: encryption, and partitions that are to stay', async () => {
    const config = '#cloud-config\ninstall: { no-format: true, encrypted_partitions: [COS_PERSISTENT] }\n';
    const machine = await start({ files: { '/oem/a.yaml': config } });
    const { exitCode, stderr } = await agent(machine, 'install', 'auto', '--yes');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/install\.no-format.*install\.encrypted_partitions.*Trusted Boot/);
  });

  it('tells the firmware of a UEFI machine where to start from', async () => {
    const machine = await start();
    const variables = new EfiVariables(machine.machine);
    await mkdir(join(machine.root, 'sys/firmware/efi/efivars'), { recursive: true });
    await variables.write('BootOrder', GLOBAL_GUID, Uint8Array.of(7, 0));
    expect(await agent(machine, 'install', 'auto', '--yes')).toMatchObject({ exitCode: 0 });
    expect(await variables.read('BootOrder', GLOBAL_GUID)).toEqual(Uint8Array.of(0, 0, 7, 0));
    expect(Buffer.from((await variables.read('Boot0000', GLOBAL_GUID)) ?? []).toString('utf16le')).toContain('owline');
  });
});
