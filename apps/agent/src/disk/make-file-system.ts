import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import type { NewFileSystem, PartitionRequest } from './layout-request.ts';
import { type PartitionPlace, withPartition } from './partition-place.ts';

const TIMEOUT_MS = 30 * 60_000;
const BLANK_BYTES = 1024 * 1024;

interface Maker {
  /** Programs that can do it, the first that is there is taken. */
  programs: readonly string[];
  args: (label: string) => string[];
}

const ext = (type: 'ext2' | 'ext3' | 'ext4'): Maker => ({
  programs: [`mkfs.${type}`, 'mke2fs'],
  args: (label) => ['-q', '-F', '-t', type, ...(label === '' ? [] : ['-L', label])],
});
const fat = (bits: readonly string[]): Maker => ({
  programs: ['mkfs.fat', 'mkfs.vfat'],
  args: (label) => [...bits, ...(label === '' ? [] : ['-n', label])],
});
const labelled = (program: string, force: readonly string[]): Maker => ({
  programs: [program],
  args: (label) => [...force, ...(label === '' ? [] : ['-L', label])],
});

const MAKERS: Readonly<Record<Exclude<NewFileSystem, 'none'>, Maker>> = {
  ext2: ext('ext2'),
  ext3: ext('ext3'),
  ext4: ext('ext4'),
  fat: fat([]),
  fat16: fat(['-F', '16']),
  fat32: fat(['-F', '32']),
  xfs: labelled('mkfs.xfs', ['-q', '-f']),
  btrfs: labelled('mkfs.btrfs', ['-q', '-f']),
  swap: labelled('mkswap', []),
};

/**
 * Finds the program that makes a file system, before the disk is touched.
 *
 * @throws AgentError PROGRAM_MISSING.
 */
export async function findMaker(machine: Machine, fileSystem: NewFileSystem): Promise<string | undefined> {
  if (fileSystem === 'none') return undefined;
  const { programs } = MAKERS[fileSystem];
  for (const name of programs) {
    const program = await machine.program(name);
    if (program !== undefined) return program;
  }
  throw new AgentError({
    code: 'PROGRAM_MISSING',
    message: `layout: a file system ${fileSystem} needs ${programs[0]}, which the image does not have.`,
    hint: 'Add its package to the bowl, or choose another file system.',
  });
}

/** Makes the file system of a new partition. In an image file only ext can be made. */
export async function makeFileSystem(
  machine: Machine,
  place: PartitionPlace,
  { fileSystem, label }: PartitionRequest,
): Promise<void> {
  const program = await findMaker(machine, fileSystem);
  if (program === undefined || fileSystem === 'none') return;
  const args = MAKERS[fileSystem].args(label);
  const target = place.offset === 0 ? [place.file] : inImage(place, fileSystem);
  await machine.processes.run({ argv: [program, ...args, ...target], timeoutMs: TIMEOUT_MS, signal: machine.signal });
}

/** True when nothing was ever written to a partition: the power failed between its making and its file system. */
export async function isBlank(place: PartitionPlace): Promise<boolean> {
  const length = Math.min(BLANK_BYTES, place.sizeBytes);
  return withPartition(place, async (read) => (await read(0, length)).every((byte) => byte === 0));
}

function inImage(place: PartitionPlace, fileSystem: NewFileSystem): string[] {
  if (!fileSystem.startsWith('ext')) {
    const message = `layout: a file system ${fileSystem} cannot be made inside the file ${place.path}.`;
    throw new AgentError({ code: 'DISK_INVALID', message, hint: 'Use ext4, or a disk.' });
  }
  return ['-E', `offset=${place.offset}`, place.file, `${Math.floor(place.sizeBytes / 1024)}k`];
}
