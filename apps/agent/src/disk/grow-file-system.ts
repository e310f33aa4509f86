import { mkdir, readFile, rmdir } from 'node:fs/promises';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { type FileSystemFound, probeFileSystem } from './file-system-label.ts';
import { fileSystemSize } from './file-system-size.ts';
import { type PartitionPlace, withPartition } from './partition-place.ts';

const TIMEOUT_MS = 30 * 60_000;
const MOUNT_FOLDER = '/run/bowline/layout';
/** What a file system may leave unused at its end. */
const SLACK_BYTES = 16 * 1024 * 1024;

const PROGRAMS = {
  ext2: 'resize2fs',
  ext3: 'resize2fs',
  ext4: 'resize2fs',
  xfs: 'xfs_growfs',
  btrfs: 'btrfs',
} as const;
type Growable = keyof typeof PROGRAMS;

/**
 * Says whether the file system of a partition can grow, before its partition does. Undefined: there is none.
 *
 * @throws AgentError DISK_INVALID for FAT, swap, LUKS and the like; PROGRAM_MISSING.
 */
export async function checkGrowable(machine: Machine, place: PartitionPlace): Promise<FileSystemFound | undefined> {
  const found = await withPartition(place, probeFileSystem);
  if (found === undefined) return undefined;
  if (place.offset !== 0) {
    // resize2fs cuts a file to the size of its file system, and the backup of the table is behind it.
    throw new AgentError({
      code: 'DISK_INVALID',
      message: `layout: a file system inside the file ${place.path} cannot be grown.`,
      hint: 'Attach the file with losetup -P, and name the loop device.',
    });
  }
  if (!isGrowable(found.type)) {
    throw new AgentError({
      code: 'DISK_INVALID',
      message: `layout: a file system ${found.type} cannot be grown (${place.path}).`,
      hint: 'Remove expand_partition, or make the partition anew with another file system.',
    });
  }
  if ((await machine.program(PROGRAMS[found.type])) !== undefined) return found;
  throw new AgentError({
    code: 'PROGRAM_MISSING',
    message: `layout: a file system ${found.type} is grown with ${PROGRAMS[found.type]}, which the image does not have.`,
    hint: 'Add its package to the bowl.',
  });
}

/** Grows a file system that is clearly smaller than its partition; true when it was. Mounted ones stay mounted. */
export async function growFileSystem(machine: Machine, place: PartitionPlace): Promise<boolean> {
  const found = await checkGrowable(machine, place);
  if (found === undefined || !isGrowable(found.type)) return false;
  const { type } = found;
  const size = await withPartition(place, (read) => fileSystemSize(read, type));
  if (size === undefined || size + SLACK_BYTES > place.sizeBytes) return false;
  const mounted = await mountPointOf(machine, place);
  if (PROGRAMS[type] === 'resize2fs') await growExt(machine, place, mounted);
  else if (mounted !== undefined) await growMounted(machine, type, mounted);
  else await growByMounting(machine, type, place);
  return true;
}

function isGrowable(type: string): type is Growable {
  return Object.hasOwn(PROGRAMS, type);
}

async function growExt(machine: Machine, place: PartitionPlace, mounted: string | undefined): Promise<void> {
  // A file system that is not mounted must have been checked; 1 means that errors were corrected.
  if (mounted === undefined) await run(machine, 'e2fsck', ['-f', '-p', place.file], [0, 1]);
  await run(machine, 'resize2fs', [place.file]);
}

async function growMounted(machine: Machine, type: Growable, folder: string): Promise<void> {
  const args = type === 'btrfs' ? ['filesystem', 'resize', 'max', folder] : [folder];
  await run(machine, PROGRAMS[type], args);
}

async function growByMounting(machine: Machine, type: Growable, place: PartitionPlace): Promise<void> {
  const folder = machine.locate(MOUNT_FOLDER);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await run(machine, 'mount', ['-t', type, '-o', 'nodev,nosuid,noexec', place.file, folder]);
  try {
    await growMounted(machine, type, folder);
  } finally {
    await run(machine, 'umount', [folder]);
    await rmdir(folder).catch(() => undefined);
  }
}

async function mountPointOf(machine: Machine, place: PartitionPlace): Promise<string | undefined> {
  const mounts = await readFile(machine.locate('/proc/self/mounts'), 'utf8').catch(() => '');
  for (const line of mounts.split('\n')) {
    const [device, folder] = line.split(' ');
    // Blanks in paths are written \040.
    if (device === place.path)
      return folder?.replaceAll(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
  }
  return undefined;
}

async function run(machine: Machine, name: string, args: string[], okExitCodes: number[] = [0]): Promise<void> {
  const program = await machine.program(name);
  if (program === undefined) {
    const message = `layout: ${name} is needed, and the image does not have it.`;
    throw new AgentError({ code: 'PROGRAM_MISSING', message, hint: 'Add its package to the bowl.' });
  }
  await machine.processes.run({ argv: [program, ...args], timeoutMs: TIMEOUT_MS, signal: machine.signal, okExitCodes });
}
