import { realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { findBlockDevice } from '../disk/block-devices.ts';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { listDisks } from './disks.ts';
import type { InstallDisk } from './plan.ts';

const SCRIPT = 'script://';
const SCRIPT_TIMEOUT_MS = 60_000;
/** Other things than whole disks have these names, so they cannot mean one. */
const NO_DISK_LINKS = /^\/dev\/disk\/by-(?:partlabel|partuuid)\//;

/**
 * The disk that `install.device` means: `auto` is the largest that can be written, sticks last and never the medium.
 *
 * @throws AgentError DISK_INVALID when there is none, or a partition is named.
 */
export async function chooseDisk(
  machine: Machine,
  device: string,
  env: Readonly<Record<string, string>> = {},
): Promise<InstallDisk> {
  const wanted = device.startsWith(SCRIPT) ? await runScript(machine, device.slice(SCRIPT.length), env) : device;
  const disks = await listDisks(machine);
  if (wanted === '' || wanted === 'auto') return largest(disks);
  if (!wanted.startsWith('/') || wanted.includes('\0')) {
    throw invalid(`${JSON.stringify(wanted.slice(0, 80))} names no disk`, disks);
  }
  if (NO_DISK_LINKS.test(wanted)) throw invalid(`${wanted} can only name a partition`, disks);
  const found = await findBlockDevice(machine, wanted);
  if (found?.disk !== undefined) {
    throw invalid(`${wanted} is a partition of /dev/${found.disk}, and the whole disk would be erased`, disks);
  }
  const real = await realpath(machine.locate(wanted)).catch(() => wanted);
  const disk = disks.find(
    ({ path }) => path === wanted || (path.startsWith('/dev/') && basename(path) === basename(real)),
  );
  if (disk !== undefined) return disk;
  const isThere = await stat(machine.locate(wanted)).then(
    () => true,
    () => false,
  );
  throw invalid(`${wanted} is ${isThere ? 'no disk' : 'not there'}`, disks);
}

function largest(disks: readonly InstallDisk[]): InstallDisk {
  const usable = disks.filter(({ isMedium, readOnly, busy }) => !isMedium && !readOnly && busy === undefined);
  const disk = usable.find(({ removable, transport }) => !removable && transport !== 'usb') ?? usable[0];
  if (disk !== undefined) return disk;
  throw invalid(disks.length === 0 ? 'this machine has no disk' : 'no disk of this machine can be written', disks);
}

async function runScript(machine: Machine, command: string, env: Readonly<Record<string, string>>): Promise<string> {
  const { stdout } = await machine.processes.run({
    // A command line by definition: it may have arguments.
    argv: ['/bin/sh', '-c', command],
    name: 'the script of install.device',
    env,
    timeoutMs: SCRIPT_TIMEOUT_MS,
    signal: machine.signal,
    maxCaptureBytes: 64 * 1024,
  });
  return Buffer.from(stdout).toString('utf8').trim();
}

function invalid(why: string, disks: readonly InstallDisk[]): AgentError {
  const names = disks.filter(({ isMedium }) => !isMedium).map(diskTitle);
  return new AgentError({
    code: 'DISK_INVALID',
    message: `install: ${why}.`,
    hint: names.length === 0 ? 'Attach a disk.' : `Disks of this machine: ${names.join('; ')}.`,
  });
}

/** A disk in a few words: `/dev/vda (20 GiB, QEMU DISK)`. */
export function diskTitle({ path, sizeBytes, model }: InstallDisk): string {
  const gib = sizeBytes / 2 ** 30;
  const size = gib >= 10 ? `${Math.round(gib)} GiB` : `${Math.round(gib * 10) / 10} GiB`;
  return `${path} (${[size, model].filter(Boolean).join(', ')})`;
}
