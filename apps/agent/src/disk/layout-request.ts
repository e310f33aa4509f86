import type { Step } from '@bowline/spec';
import { AgentError } from '../error.ts';

type Config = NonNullable<Step['layout']>;

/** File systems that can be made; `none` leaves the partition raw. */
export type NewFileSystem = 'ext2' | 'ext3' | 'ext4' | 'xfs' | 'btrfs' | 'fat' | 'fat16' | 'fat32' | 'swap' | 'none';

/** A partition that shall be there. */
export interface PartitionRequest {
  /** GPT name; a partition with it is left alone. */
  name: string;
  /** Label of the file system; '' for none. */
  label: string;
  /** 0 takes the rest. */
  sizeMib: number;
  fileSystem: NewFileSystem;
  bootable: boolean;
}

const ALIASES: Readonly<Record<string, NewFileSystem>> = {
  '': 'ext2',
  vfat: 'fat',
  noformat: 'none',
  no_format: 'none',
  'no-format': 'none',
};
const LABEL_BYTES: Readonly<Record<NewFileSystem, number>> = {
  ...{ ext2: 16, ext3: 16, ext4: 16, xfs: 12, btrfs: 255, fat: 11, fat16: 11, fat32: 11, swap: 15, none: 255 },
};
const NAME_UNITS = 36;

/**
 * The partitions of a step. One without `pLabel` is known by its `fsLabel`, or by its place in the list, so that it is
 * not added again at every start.
 *
 * @throws AgentError STEP_INVALID for unknown file systems, labels that do not fit, and names that come twice.
 */
export function partitionRequests(config: Config): PartitionRequest[] {
  const names = new Set<string>();
  return (config.add_partitions ?? []).map((wanted, index) => {
    const label = wanted.fsLabel ?? '';
    const name = wanted.pLabel || label || `layout-${index + 1}`;
    const fileSystem = readFileSystem(wanted.filesystem ?? '');
    if (name.length > NAME_UNITS || name.includes('\0')) throw invalid(`the name ${quote(name)}: 36 characters fit`);
    if (names.has(name)) throw invalid(`two partitions with the name ${quote(name)}`);
    names.add(name);
    const limit = LABEL_BYTES[fileSystem];
    if (Buffer.byteLength(label) > limit)
      throw invalid(`the label ${quote(label)}: ${fileSystem} holds ${limit} bytes`);
    if (label.includes('\0') || label.startsWith('-')) throw invalid(`the label ${quote(label)}`);
    return { name, label, fileSystem, sizeMib: wanted.size ?? 0, bootable: wanted.bootable ?? false };
  });
}

function readFileSystem(word: string): NewFileSystem {
  const small = word.toLowerCase();
  const known = Object.hasOwn(ALIASES, small) ? ALIASES[small] : small;
  if (known !== undefined && Object.hasOwn(LABEL_BYTES, known)) return known as NewFileSystem;
  throw invalid(`the file system ${quote(word)}; known are ${Object.keys(LABEL_BYTES).join(', ')}`);
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 60));
}

function invalid(what: string): AgentError {
  return new AgentError({
    code: 'STEP_INVALID',
    message: `layout cannot make ${what}.`,
    hint: 'See the reference of the step layout.',
  });
}
