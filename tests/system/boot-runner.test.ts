import { access, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostError, NodeProcesses, type RunningProcess } from '@bowline/host';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bootProbe, bootSector } from '../../apps/cli/src/boot/kvm-probe.ts';
import { type Machine, startMachine } from '../../apps/cli/src/boot/machine.ts';
import { prepareDisk } from '../../apps/cli/src/boot/machine-disk.ts';
import type { MachinePlan } from '../../apps/cli/src/boot/plan.ts';

const MAIN = new URL('../../apps/cli/src/main.ts', import.meta.url).pathname;
const processes = new NodeProcesses();
const WAIT_MS = 60_000;
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-boot-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

beforeEach(async (ctx) => {
  for (const tool of ['qemu-system-x86_64', 'qemu-img']) {
    const found = await processes.run({ argv: [tool, '--version'], timeoutMs: 10_000 }).then(
      () => true,
      () => false,
    );
    if (!found) ctx.skip(`${tool} is not installed`);
  }
});

/** A disk image whose boot sector writes a text to the serial port, and then halts or switches the machine off. */
async function makeImage(name: string, text: string, options: { switchOff?: boolean } = {}): Promise<string> {
  const path = join(folder, name);
  // The BIOS leaves the cursor in the middle of a line.
  const sector = bootSector(`\r\n${text}`, undefined);
  // In place of the halt: mov dx, 0x604; mov ax, 0x2000; out dx, ax is ACPI's soft-off of QEMU's q35.
  if (options.switchOff) sector.set([0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4], sector.lastIndexOf(0xf4, 400));
  await writeFile(path, sector);
  await truncate(path, 2 ** 20);
  return path;
}

async function bowline(words: readonly string[]) {
  let stderr = '';
  const result = await processes.run({
    argv: [process.execPath, MAIN, ...words],
    cwd: folder,
    env: { BOWLINE_CACHE: join(folder, 'cache') },
    stderr: { kind: 'chunks', onChunk: (chunk) => void (stderr += new TextDecoder().decode(chunk)) },
    okExitCodes: Array.from({ length: 256 }, (_, code) => code),
    timeoutMs: 3 * WAIT_MS,
  });
  return { exitCode: result.exitCode, stdout: new TextDecoder().decode(result.stdout), stderr };
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

describe('bowline boot', () => {
  it('ends well when the expected text appears, and never writes to the image', async () => {
    const image = await makeImage('hello.raw', 'hello from the boot sector\r\nlogin: ');
    const before = await readFile(image);
    const log = join(folder, 'serial.log');
    const words = ['boot', image, '--bios', '--expect', '^login: ', '--timeout', '60', '--serial-log', log, '--json'];
    const run = await bowline(words);
    expect(run).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(run.stdout)).toMatchObject({ matched: 'login: ' });
    expect(await readFile(log, 'latin1')).toContain('hello from the boot sector');
    expect(await readFile(image)).toEqual(before);
    expect(await exists(join(`${image}.boot`, 'disk.qcow2'))).toBe(true);
  });

  it('keeps nothing with --snapshot', async () => {
    const image = await makeImage('snapshot.raw', 'ready\r\n');
    const run = await bowline(['boot', image, '--bios', '--expect', 'ready', '--snapshot']);
    expect(run).toMatchObject({ exitCode: 0 });
    expect(await exists(`${image}.boot`)).toBe(false);
  });

  it('fails with the last lines of the console when the time is over', async () => {
    const image = await makeImage('slow.raw', 'only this\r\n');
    const run = await bowline(['boot', image, '--bios', '--expect', 'never', '--timeout', '5', '--snapshot']);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain('"never" did not appear on the console within 5 s');
    expect(run.stderr).toContain('| only this');
  });

  it('fails at once when the machine switches itself off', async () => {
    const image = await makeImage('off.raw', 'bye\r\n', { switchOff: true });
    const run = await bowline(['boot', image, '--bios', '--expect', 'never', '--snapshot', '--json']);
    expect(run.exitCode).toBe(1);
    expect(JSON.parse(run.stdout)).toMatchObject({ error: { code: 'MACHINE_ENDED' } });
    expect(run.stderr).toContain('| bye');
  });

  it('shows the console until the machine is off when nothing is expected', async () => {
    const image = await makeImage('interactive.raw', 'shown\r\n', { switchOff: true });
    const run = await bowline(['boot', image, '--bios', '--snapshot', '--timeout', '60']);
    expect(run).toMatchObject({ exitCode: 0 });
    expect(run.stdout).toContain('shown\r\n');
  });

  it('runs no command in an image that is not a debug image', async () => {
    const image = await makeImage('plain.raw', 'x');
    const run = await bowline(['boot', image, '--bios', '--run', 'true']);
    expect([run.exitCode, run.stderr]).toEqual([2, expect.stringContaining('is not a debug image')]);
  });

  it('starts by UEFI, whose own shell has a console', async (ctx) => {
    if (!(await exists('/usr/share/OVMF/OVMF_CODE_4M.fd'))) return ctx.skip('ovmf is not installed');
    const image = await makeImage('no-esp.raw', 'x');
    const run = await bowline(['boot', image, '--expect', 'BdsDxe|UEFI', '--timeout', '120', '--snapshot']);
    expect(run).toMatchObject({ exitCode: 0 });
    return undefined;
  });

  it('starts with Secure Boot firmware, which protects its variables', async (ctx) => {
    if (!(await exists('/usr/share/OVMF/OVMF_CODE_4M.secboot.fd'))) return ctx.skip('ovmf is not installed');
    const image = await makeImage('secure.raw', 'x');
    const words = ['--secure-boot', '--expect', 'BdsDxe', '--timeout', '180', '--snapshot'];
    expect(await bowline(['boot', image, ...words])).toMatchObject({ exitCode: 0 });
    return undefined;
  });

  it('starts from a netboot folder through iPXE', async (ctx) => {
    if (!(await exists('/usr/lib/ipxe/qemu/efi-virtio.rom'))) return ctx.skip('ipxe-qemu is not installed');
    const netboot = join(folder, 'netboot');
    await mkdir(netboot);
    await writeFile(join(netboot, 'boot.ipxe'), '#!ipxe\necho script of the folder\nsleep 1000\n');
    const run = await bowline([
      'boot',
      netboot,
      '--expect',
      'script of the folder',
      '--timeout',
      '120',
      '--memory',
      '256M',
    ]);
    expect(run).toMatchObject({ exitCode: 0 });
    return undefined;
  });

  it('shows a UKI to the firmware as the file it starts by itself', async (ctx) => {
    if (!(await exists('/usr/share/OVMF/OVMF_CODE_4M.fd'))) return ctx.skip('ovmf is not installed');
    const uki = join(folder, 'broken.efi');
    const bytes = Buffer.alloc(4096);
    bytes.write('MZ');
    bytes[0x3c] = 0x80;
    bytes.write('PE\0\0', 0x80);
    bytes.writeUInt16LE(0x8664, 0x84);
    await writeFile(uki, bytes);
    // Firmware finds the file and says that it cannot be started: it was looked at, in the right place.
    const expected = 'failed to load Boot.*(Unsupported|Load Error|Not Found)|Unsupported';
    const run = await bowline(['boot', uki, '--expect', expected, '--timeout', '120', '--snapshot']);
    expect(run).toMatchObject({ exitCode: 0 });
    return undefined;
  });

  it('connects a terminal to the console until Ctrl-] is pressed', async (ctx) => {
    const image = await makeImage('terminal.raw', 'on the console\r\n');
    const command = `'${process.execPath}' '${MAIN}' boot '${image}' --bios --snapshot`;
    const argv: [string, ...string[]] = ['script', '--quiet', '--return', '--command', command, '/dev/null'];
    let terminal: RunningProcess;
    try {
      terminal = processes.spawn({
        argv,
        env: { BOWLINE_CACHE: join(folder, 'cache'), TERM: 'xterm' },
        timeoutMs: WAIT_MS,
      });
    } catch {
      return ctx.skip('script (util-linux) is not installed');
    }
    const startedMs = performance.now();
    let shown = '';
    for await (const chunk of terminal.output) {
      const before = shown;
      shown += new TextDecoder().decode(chunk);
      const isThere = shown.includes('on the console') && !before.includes('on the console');
      if (isThere) terminal.stdin.write(Uint8Array.of(0x1d));
    }
    expect((await terminal.exited).exitCode).toBe(0);
    expect(shown).toContain('Ctrl-] leaves');
    expect(performance.now() - startedMs).toBeLessThan(WAIT_MS / 2);
    return undefined;
  });

  it('stops the machine on SIGTERM, and ends with 130', async () => {
    const image = await makeImage('stopped.raw', 'up\r\n');
    const child = processes.spawn({
      argv: [process.execPath, MAIN, 'boot', image, '--bios', '--snapshot'],
      env: { BOWLINE_CACHE: join(folder, 'cache') },
      timeoutMs: WAIT_MS,
    });
    const startedMs = performance.now();
    let shown = '';
    for await (const chunk of child.output) {
      const before = shown;
      shown += new TextDecoder().decode(chunk);
      if (shown.includes('up\r\n') && !before.includes('up\r\n')) process.kill(child.pid, 'SIGTERM');
    }
    expect((await child.exited).exitCode).toBe(130);
    expect(performance.now() - startedMs).toBeLessThan(WAIT_MS / 2);
  });
});

describe('startMachine', () => {
  async function plan(name: string, text: string): Promise<MachinePlan> {
    const runFolder = await mkdtemp(join(folder, 'run-'));
    const image = await makeImage(name, text);
    const disk = await prepareDisk(
      { path: image, format: 'raw', smallestDiskBytes: 2 ** 30 },
      join(runFolder, 'state'),
      {
        processes,
        warn: () => undefined,
      },
    );
    return {
      arch: 'amd64',
      accelerator: 'tcg',
      memoryMiB: 64,
      cpus: 1,
      firmware: { kind: 'bios' },
      media: [{ kind: 'disk', path: disk, format: 'qcow2', durable: false }],
      network: {},
      runFolder,
      shell: false,
    };
  }

  async function withMachine(machinePlan: MachinePlan, use: (machine: Machine) => Promise<void>): Promise<void> {
    const machine = await startMachine(machinePlan, { processes });
    try {
      await use(machine);
    } finally {
      await machine.stop();
    }
  }

  it('sees the same text again after a reset', async () => {
    await withMachine(await plan('reset.raw', 'booted\r\n'), async (machine) => {
      await machine.waitFor(/^booted$/, WAIT_MS);
      await machine.reset();
      await machine.waitFor(/^booted$/, WAIT_MS);
      expect(machine.serialTail()).toContain('booted');
    });
  });

  it('refuses commands without a shell port', async () => {
    await withMachine(await plan('noshell.raw', 'x'), async (machine) => {
      await expect(machine.run('true')).rejects.toMatchObject({ code: 'NOT_A_DEBUG_IMAGE' });
    });
  });

  it('gives up on a shell that does not answer', async () => {
    const withShell = { ...(await plan('silent.raw', 'x')), shell: true };
    await withMachine(withShell, async (machine) => {
      await expect(machine.run('true', { timeoutMs: 1500 })).rejects.toMatchObject({ code: 'COMMAND_TIMEOUT' });
    });
  });

  it('says what QEMU said when it does not start', async () => {
    const broken = await plan('broken.raw', 'x');
    const media = [{ kind: 'cdrom', path: '/nowhere.iso' }] as const;
    await withMachine({ ...broken, media }, async (machine) => {
      const error = await machine.waitFor(/x/, WAIT_MS).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'MACHINE_ENDED', message: expect.stringContaining('/nowhere.iso') });
    });
  });

  it('gives the machine a TPM whose state stays', async (ctx) => {
    const tpmStateFolder = await mkdtemp(join(folder, 'tpm-'));
    const machinePlan = { ...(await plan('tpm.raw', 'with tpm\r\n')), tpmStateFolder };
    try {
      await withMachine(machinePlan, async (machine) => void (await machine.waitFor(/with tpm/, WAIT_MS)));
    } catch (error) {
      if (error instanceof HostError && error.code === 'PROCESS_NOT_FOUND') return ctx.skip('swtpm is not installed');
      throw error;
    }
    expect((await stat(join(tpmStateFolder, 'tpm2-00.permall'))).isFile()).toBe(true);
    return undefined;
  });
});

describe('prepareDisk', () => {
  it('keeps what a machine wrote while the image is the same, and starts anew when it has changed', async () => {
    const image = await makeImage('grown.raw', 'x');
    const warnings: string[] = [];
    const environment = { processes, warn: (text: string) => void warnings.push(text) };
    const base = { path: image, format: 'raw', smallestDiskBytes: 3 * 2 ** 30 } as const;
    const disk = await prepareDisk(base, `${image}.boot`, environment);
    const info = await processes.run({ argv: ['qemu-img', 'info', '--output=json', disk], timeoutMs: 10_000 });
    expect(JSON.parse(new TextDecoder().decode(info.stdout))).toMatchObject({ 'virtual-size': 3 * 2 ** 30 });
    const before = (await stat(disk)).ino;
    expect((await stat(await prepareDisk(base, `${image}.boot`, environment))).ino).toBe(before);
    await writeFile(image, await readFile(image));
    await truncate(image, 2 ** 21);
    expect((await stat(await prepareDisk(base, `${image}.boot`, environment))).ino).not.toBe(before);
    expect(warnings).toEqual([`${image} has changed: the machine starts with a fresh disk`]);
  });
});

describe('the probe for KVM', () => {
  it('is a program that QEMU runs', async () => {
    expect(await bootProbe('amd64', 'tcg', { processes })).toEqual({ works: true, reason: '' });
  });

  it('is a program that QEMU for ARM runs, too', async (ctx) => {
    const verdict = await bootProbe('arm64', 'tcg', { processes });
    if (verdict.reason.includes('not installed')) return ctx.skip('qemu-system-aarch64 is not installed');
    expect(verdict).toEqual({ works: true, reason: '' });
    return undefined;
  });
});
