import type { BytePath } from '../tar/entry.ts';

/** What every member of a cpio archive has. */
interface CpioCommon {
  /** Path below the root, as bytes; never empty: the kernel has the root already. */
  path: BytePath;
  /** Permission bits, 0 to 0o7777. */
  mode: number;
  /** Owner; 0 when left out. */
  uid?: number;
  gid?: number;
}

/** A regular file; `data` may be a function so that only the file being written is in memory. */
export interface CpioFile extends CpioCommon {
  type: 'file';
  data: Uint8Array | (() => Uint8Array);
}

export interface CpioDirectory extends CpioCommon {
  type: 'directory';
}

export interface CpioSymlink extends Omit<CpioCommon, 'mode'> {
  type: 'symlink';
  /** Target as written, as bytes. */
  target: BytePath;
}

export interface CpioDevice extends CpioCommon {
  type: 'character' | 'block';
  major: number;
  minor: number;
}

/** One member to write into an initrd. */
export type CpioEntry = CpioFile | CpioDirectory | CpioSymlink | CpioDevice;

/** S_IFMT values (POSIX `sys/stat.h`) of the entry types. */
export const CPIO_FILE_TYPE = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  character: 0o020000,
  block: 0o060000,
} as const;

/** Bytes of a newc header: the magic and 13 fields of 8 hexadecimal digits. */
export const CPIO_HEADER_SIZE = 110;

/** `newc`, without checksums. */
export const CPIO_MAGIC = '070701';

/** Name of the member that ends an archive. */
export const CPIO_TRAILER = 'TRAILER!!!';

/** PATH_MAX of Linux, with the NUL. The kernel skips members with longer names or link targets without a word. */
export const CPIO_PATH_MAX = 4096;
