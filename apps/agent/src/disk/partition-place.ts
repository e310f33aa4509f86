import { stat } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import type { RandomRead } from '@bowline/formats';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { withDevice } from './device-bytes.ts';
import type { TargetDisk } from './target-disk.ts';

/** Where the bytes of a partition are: a device of its own, or a part of an image file. */
export interface PartitionPlace {
  /** For messages: `/dev/vda3`. */
  path: string;
  file: string;
  /** Bytes before it in `file`; 0 for a device. */
  offset: number;
  sizeBytes: number;
}

interface Extent {
  number: number;
  startLba: number;
  sizeBytes: number;
}

const REREAD: readonly [program: string, ...args: string[]][] = [
  // partx comes first: it works on disks in use, whose table the kernel does not read as a whole.
  ['partx', '--update'],
  ['partprobe'],
  ['blockdev', '--rereadpt'],
];
const TIMEOUT_MS = 60_000;
const WAIT_MS = 15_000;
const POLL_MS = 100;

/** Tells the kernel of the changed table. Image files have no kernel to tell. */
export async function rereadTable(machine: Machine, disk: TargetDisk): Promise<void> {
  if (disk.name === undefined) return;
  const failures: string[] = [];
  for (const [name, ...args] of REREAD) {
    const program = await machine.program(name);
    if (program === undefined) continue;
    const argv: [string, ...string[]] = [program, ...args, disk.file];
    const isDone = await machine.processes.run({ argv, timeoutMs: TIMEOUT_MS, signal: machine.signal }).then(
      () => true,
      () => false,
    );
    if (isDone) return settle(machine);
    failures.push(name);
  }
  const tried = failures.length === 0 ? 'partx, partprobe and blockdev are missing' : `${failures.join(', ')} failed`;
  throw new AgentError({
    code: failures.length === 0 ? 'PROGRAM_MISSING' : 'STEP_FAILED',
    message: `The new table of ${disk.path} is written, but the kernel does not know it: ${tried}.`,
    hint: 'Restart the machine; the step then goes on.',
  });
}

async function settle(machine: Machine): Promise<void> {
  const udevadm = await machine.program('udevadm');
  if (udevadm === undefined) return;
  const argv: [string, ...string[]] = [udevadm, 'settle', '--timeout=10'];
  await machine.processes.run({ argv, timeoutMs: TIMEOUT_MS, signal: machine.signal }).catch(() => undefined);
}

/** Where a partition of a disk is; waits for its device to come up with its size. */
export async function findPartition(machine: Machine, disk: TargetDisk, extent: Extent): Promise<PartitionPlace> {
  const { number, startLba, sizeBytes } = extent;
  if (disk.name === undefined) return { path: disk.path, file: disk.file, offset: startLba * 512, sizeBytes };
  // nvme0n1p3, mmcblk0p1, but vda3.
  const path = `${disk.path}${/[0-9]$/.test(disk.path) ? 'p' : ''}${number}`;
  const file = machine.locate(path);
  for (let waited = 0; waited <= WAIT_MS; waited += POLL_MS) {
    if (
      await stat(file).then(
        (found) => found.isBlockDevice(),
        () => false,
      )
    )
      return { path, file, offset: 0, sizeBytes };
    await setTimeout(POLL_MS, undefined, { signal: machine.signal });
  }
  throw new AgentError({ code: 'DISK_INVALID', message: `${path} did not come up.`, hint: 'Restart the machine.' });
}

/** Reads from a partition. */
export function withPartition<T>(place: PartitionPlace, use: (read: RandomRead) => Promise<T>): Promise<T> {
  return withDevice(place.file, (read) => use((offset, length) => read(place.offset + offset, length)));
}
