import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Processes } from '@bowline/host';
import type { Arch } from '@bowline/spec';

const PROBE_LIMIT_MS = 5000;
const BOOT_ID_PATH = '/proc/sys/kernel/random/boot_id';
const ANSWER = 'B';

/** Whether hardware virtualisation truly works here. */
export interface KvmVerdict {
  works: boolean;
  /** Why not, in a few words. */
  reason: string;
}

/** What the probe needs of the world. */
export interface KvmProbeEnvironment {
  processes: Processes;
  cacheFolder: string;
  signal?: AbortSignal | undefined;
}

/**
 * Finds out whether KVM works by booting a few instructions that write one letter to the serial port and switch
 * the machine off: a /dev/kvm that exists can still fail at the first entry (nested virtualisation switched off).
 * The verdict is kept in the cache folder until the host boots again.
 */
export async function probeKvm(arch: Arch, environment: KvmProbeEnvironment): Promise<KvmVerdict> {
  if (arch !== hostArch()) return { works: false, reason: 'the image is for another architecture' };
  const bootId = (await readFile(BOOT_ID_PATH, 'utf8').catch(() => '')).trim();
  const cachePath = join(environment.cacheFolder, 'kvm-probe.json');
  const known = await readVerdict(cachePath, bootId);
  if (known !== undefined) return known;
  const verdict = await bootProbe(arch, 'kvm', environment);
  await mkdir(environment.cacheFolder, { recursive: true });
  const temporary = `${cachePath}.${process.pid}.tmp`;
  await writeFile(temporary, JSON.stringify({ bootId, ...verdict }));
  await rename(temporary, cachePath);
  return verdict;
}

/** Boots the probe program with an accelerator; `tcg` shows that the program itself is right. */
export async function bootProbe(
  arch: Arch,
  accelerator: 'kvm' | 'tcg',
  environment: Pick<KvmProbeEnvironment, 'processes' | 'signal'>,
): Promise<KvmVerdict> {
  const folder = await mkdtemp(join(tmpdir(), 'bowline-kvm-'));
  try {
    const program = join(folder, 'probe.img');
    await writeFile(program, arch === 'amd64' ? bootSector() : arm64Program());
    const result = await environment.processes.run({
      argv: arch === 'amd64' ? amd64Argv(accelerator, program) : arm64Argv(accelerator, program),
      timeoutMs: PROBE_LIMIT_MS,
      signal: environment.signal,
      okExitCodes: [0, AMD64_EXIT],
      maxCaptureBytes: 4096,
    });
    const answered = new TextDecoder().decode(result.stdout).includes(ANSWER);
    return answered ? { works: true, reason: '' } : { works: false, reason: 'the probe machine wrote nothing' };
  } catch (error) {
    environment.signal?.throwIfAborted();
    return { works: false, reason: error instanceof Error ? error.message : String(error) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function hostArch(): Arch | undefined {
  return process.arch === 'x64' ? 'amd64' : process.arch === 'arm64' ? 'arm64' : undefined;
}

async function readVerdict(path: string, bootId: string): Promise<KvmVerdict | undefined> {
  if (bootId === '') return undefined;
  try {
    const kept: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof kept !== 'object' || kept === null || !('bootId' in kept) || kept.bootId !== bootId) return undefined;
    if (!('works' in kept) || typeof kept.works !== 'boolean') return undefined;
    return { works: kept.works, reason: 'reason' in kept ? String(kept.reason) : '' };
  } catch {
    return undefined;
  }
}

/** isa-debug-exit ends QEMU with (value << 1) | 1. */
const AMD64_EXIT_VALUE = 0x10;
const AMD64_EXIT = (AMD64_EXIT_VALUE << 1) | 1;

const PROBE_ARGS = '-nodefaults -no-user-config -display none -no-reboot -serial stdio'.split(' ');

function amd64Argv(accelerator: string, program: string): [string, ...string[]] {
  const machine = `-machine pc -m 16 -device isa-debug-exit,iobase=0x501,iosize=1 -accel ${accelerator}`.split(' ');
  const cpu = ['-cpu', accelerator === 'kvm' ? 'host' : 'max'];
  return ['qemu-system-x86_64', ...PROBE_ARGS, ...machine, ...cpu, '-drive', `if=ide,format=raw,file=${program}`];
}

function arm64Argv(accelerator: string, program: string): [string, ...string[]] {
  const cpu = accelerator === 'kvm' ? 'host' : 'max';
  const machine = `-machine virt -m 64 -accel ${accelerator} -cpu ${cpu}`.split(' ');
  const loader = `loader,file=${program},addr=0x40100000,cpu-num=0,force-raw=on`;
  return ['qemu-system-aarch64', ...PROBE_ARGS, ...machine, '-device', loader];
}

/** A boot sector: the letter to COM1, the exit value to isa-debug-exit, then halt for ever. */
export function bootSector(text: string = ANSWER, exitValue: number | undefined = AMD64_EXIT_VALUE): Uint8Array {
  const sector = new Uint8Array(512);
  const toPort = (port: number, values: readonly number[]) => [
    0xba, // mov dx, port
    port & 0xff,
    port >> 8,
    ...values.flatMap((value) => [0xb0, value, 0xee]), // mov al, value; out dx, al
  ];
  // fwait, fninit: a KVM without hardware support behind it stops at these, which every firmware uses.
  const code = [0x9b, 0xdb, 0xe3, ...toPort(0x3f8, [...new TextEncoder().encode(text)])];
  if (exitValue !== undefined) code.push(...toPort(0x501, [exitValue]));
  code.push(0xf4, 0xeb, 0xfd); // hlt; jmp back to hlt
  sector.set(code);
  sector.set([0x55, 0xaa], 510);
  return sector;
}

/** The same for ARM: the letter to the PL011 at 0x09000000, then PSCI SYSTEM_OFF. */
function arm64Program(): Uint8Array {
  const words = [
    0xd2a12000, // movz x0, #0x0900, lsl #16
    0x52800841, // movz w1, #'B'
    0x39000001, // strb w1, [x0]
    0x52b08000, // movz w0, #0x8400, lsl #16
    0x72800100, // movk w0, #8
    0xd4000002, // hvc #0
    0x14000000, // b .
  ];
  return new Uint8Array(new Uint32Array(words).buffer);
}
