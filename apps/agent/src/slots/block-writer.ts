import { type FileHandle, open } from 'node:fs/promises';

/** Writes to a device. Nothing is durable before `flush` has returned. */
export interface BlockWriter {
  write(offsetBytes: number, bytes: Uint8Array): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** How a device, or a file that stands for one, is opened for writing. */
export type OpenBlockWriter = (path: string) => Promise<BlockWriter>;

/** Opens a device for writing; its size never changes. */
export const openBlockWriter: OpenBlockWriter = async (path) => {
  const handle = await open(path, 'r+');
  return {
    write: (offsetBytes, bytes) => writeAll(handle, offsetBytes, bytes),
    flush: () => handle.datasync(),
    close: () => handle.close(),
  };
};

async function writeAll(handle: FileHandle, offsetBytes: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, offsetBytes + done)).bytesWritten;
  }
}
