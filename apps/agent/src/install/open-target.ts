import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { OpenBlockWriter } from '../slots/block-writer.ts';

/**
 * Opens a disk for writing as its only user: the kernel refuses while anything of it is mounted (EBUSY), and mounts
 * nothing of it as long as it is open.
 */
export const openTargetDisk: OpenBlockWriter = async (path) => {
  const handle = await open(path, constants.O_RDWR | constants.O_EXCL);
  return {
    write: (offsetBytes, bytes) => writeAll(handle, offsetBytes, bytes),
    flush: () => handle.datasync(),
    close: () => handle.close(),
  };
};

async function writeAll(handle: FileHandle, offsetBytes: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offsetBytes + done);
    // Some disks that went away take nothing and say nothing.
    if (bytesWritten === 0) throw Object.assign(new Error(`${path(handle)} takes no more bytes`), { code: 'ENXIO' });
    done += bytesWritten;
  }
}

function path({ fd }: FileHandle): string {
  return `the disk open as ${fd}`;
}
