import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CliError } from '../error.ts';
import type { Medium } from './plan.ts';

const DEFAULT_DISK_BYTES = 8 * 2 ** 30;
const SECTOR_BYTES = 512;

/** A disk beside the image, such as one to install on. */
export interface FurtherDisk {
  /** Absolute; a raw disk, made empty when there is none. */
  path: string;
  /** Size of a new one; 8 GiB unless given. */
  sizeBytes?: number | undefined;
  /** Record every write and flush in this file (QEMU's `blklogwrites`, the format of the kernel's dm-log-writes). */
  writeLogPath?: string | undefined;
}

/** The disk as a medium of a machine; makes it when it does not exist. Throws CliError IMAGE_UNSUITABLE. */
export async function furtherDisk(disk: FurtherDisk): Promise<Medium> {
  const kept = await stat(disk.path).catch(() => undefined);
  if (kept !== undefined && (kept.isDirectory() || kept.size % SECTOR_BYTES !== 0)) {
    throw new CliError({
      code: 'IMAGE_UNSUITABLE',
      message: `${disk.path} is no raw disk: its size is no multiple of ${SECTOR_BYTES} bytes`,
      hint: 'Name a file that does not exist yet, and an empty disk is made.',
    });
  }
  if (kept === undefined) {
    await mkdir(dirname(disk.path), { recursive: true });
    const file = await open(disk.path, 'wx', 0o600);
    try {
      await file.truncate(disk.sizeBytes ?? DEFAULT_DISK_BYTES);
    } finally {
      await file.close();
    }
  }
  return {
    kind: 'disk',
    path: disk.path,
    format: 'raw',
    durable: true,
    ...(disk.writeLogPath === undefined ? {} : { writeLogPath: disk.writeLogPath }),
  };
}
