import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { TYPE_GUID } from '@bowline/os-layout';
import type { Step } from '@bowline/spec';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { type BlockDevice, findBlockDevice, listBlockDevices } from './block-devices.ts';
import { listVolumes } from './labelled-volumes.ts';
import { readTable } from './partition-table.ts';

type Device = NonNullable<Step['layout']>['device'];

/** The disk a layout is about. */
export interface TargetDisk {
  /** As the machine names it, for messages. */
  path: string;
  /** As this process opens it. */
  file: string;
  sizeBytes: number;
  /** Kernel name of a block device; undefined for an image in a file. */
  name: string | undefined;
}

const SCRIPT = 'script://';
const SCRIPT_TIMEOUT_MS = 60_000;
/** Labels of Kairos's partitions, all of which are one here: state. */
const STATE_ALIASES = ['COS_PERSISTENT', 'COS_OEM', 'COS_STATE'];

/**
 * Finds the disk by its path, by the script that prints it, or by a label of a file system on it. A partition stands for
 * its disk.
 *
 * @throws AgentError DISK_INVALID when there is none, or its sectors have another size than 512 bytes.
 */
export async function findTargetDisk(machine: Machine, device: Device): Promise<TargetDisk> {
  const wanted = device.path?.trim();
  if (wanted !== undefined && wanted !== '') {
    return openDisk(
      machine,
      wanted.startsWith(SCRIPT) ? await runScript(machine, wanted.slice(SCRIPT.length)) : wanted,
    );
  }
  const label = device.label?.trim() ?? '';
  const volume = (await listVolumes(machine)).find(({ fileSystem }) => fileSystem.label === label);
  if (volume !== undefined) return openDisk(machine, volume.device.path);
  const state = STATE_ALIASES.includes(label) ? await findStateDisk(machine) : undefined;
  if (state !== undefined) return openDisk(machine, state.path);
  throw missing(`no disk has a file system with the label ${JSON.stringify(label)}`);
}

async function openDisk(machine: Machine, path: string): Promise<TargetDisk> {
  if (!isAbsolute(path) || path.includes('\0')) throw missing('what the path or its script names is no absolute path');
  const file = machine.locate(path);
  const stats = await stat(file).catch(() => undefined);
  if (stats === undefined) throw missing(`${path} is not there`);
  if (stats.isFile()) return { path, file, sizeBytes: stats.size - (stats.size % 512), name: undefined };
  if (!stats.isBlockDevice()) throw missing(`${path} is no disk`);
  const found = await findBlockDevice(machine, path);
  if (found === undefined) throw missing(`${path} is not known to the kernel`);
  const name = found.disk ?? found.name;
  const disk = (await listBlockDevices(machine)).find((one) => one.name === name);
  if (disk === undefined) throw missing(`${path} has no medium`);
  const block = join(machine.locate('/sys/class/block'), name, 'queue/logical_block_size');
  const sectorBytes = Number.parseInt(await readFile(block, 'utf8').catch(() => '512'), 10);
  if (sectorBytes !== 512) throw missing(`${disk.path} has sectors of ${sectorBytes} bytes, which is not supported`);
  return { path: disk.path, file: machine.locate(disk.path), sizeBytes: disk.sizeBytes, name };
}

/** The disk with the partition of Bowline's state. */
async function findStateDisk(machine: Machine): Promise<BlockDevice | undefined> {
  for (const device of await listBlockDevices(machine)) {
    if (device.disk !== undefined) continue;
    const target = { file: machine.locate(device.path), sizeBytes: device.sizeBytes };
    const table = await readTable(target).catch(() => undefined);
    if (table?.found.partitions.some(({ typeGuid }) => typeGuid === TYPE_GUID.state)) return device;
  }
  return undefined;
}

async function runScript(machine: Machine, command: string): Promise<string> {
  const { stdout } = await machine.processes.run({
    // A command line by definition: it may have arguments.
    argv: ['/bin/sh', '-c', command],
    name: 'the script of layout.device.path',
    timeoutMs: SCRIPT_TIMEOUT_MS,
    signal: machine.signal,
    maxCaptureBytes: 64 * 1024,
  });
  return Buffer.from(stdout).toString('utf8').trim();
}

function missing(why: string): AgentError {
  return new AgentError({
    code: 'DISK_INVALID',
    message: `layout: ${why}.`,
    hint: 'Look at the disks with lsblk -f.',
  });
}
