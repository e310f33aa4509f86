import { type FileHandle, open } from 'node:fs/promises';
import { AgentError } from '../error.ts';
import type { Region } from '../slots/slots.ts';

/** A region opened for reading and writing; offsets are those inside the region. */
export class RegionFile {
  readonly region: Region;
  readonly #handle: FileHandle;

  private constructor(region: Region, handle: FileHandle) {
    this.region = region;
    this.#handle = handle;
  }

  /** Opens a region; `r+` never creates or cuts a file. Throws AgentError WRITE_FAILED | NO_SPACE. */
  static async open(region: Region, flags: 'r' | 'r+' | number): Promise<RegionFile> {
    const handle = await open(region.path, flags).catch((error: unknown) => {
      throw explainDiskError(error, region, 'opened');
    });
    return new RegionFile(region, handle);
  }

  /** Fills the buffer from `offset`. Throws AgentError WRITE_FAILED, also where the region ends too early. */
  async read(buffer: Uint8Array, offset: number): Promise<void> {
    try {
      await this.#fill(buffer, offset);
    } catch (error) {
      throw explainDiskError(error, this.region, 'read');
    }
  }

  /** The same; false where the kernel takes no transfer past its cache to this address. */
  async tryRead(buffer: Uint8Array, offset: number): Promise<boolean> {
    try {
      await this.#fill(buffer, offset);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EINVAL') return false;
      throw explainDiskError(error, this.region, 'read');
    }
  }

  async #fill(buffer: Uint8Array, offset: number): Promise<void> {
    this.#check(offset, buffer.length);
    for (let done = 0; done < buffer.length; ) {
      const at = this.region.offsetBytes + offset + done;
      const { bytesRead } = await this.#handle.read(buffer, done, buffer.length - done, at);
      if (bytesRead === 0) throw Object.assign(new Error('it ends too early'), { code: 'EIO' });
      done += bytesRead;
    }
  }

  /** Writes all bytes at `offset`; durable after `flush` only. Throws AgentError WRITE_FAILED | NO_SPACE. */
  async write(bytes: Uint8Array, offset: number): Promise<void> {
    const { region } = this;
    this.#check(offset, bytes.length);
    try {
      for (let done = 0; done < bytes.length; ) {
        const at = region.offsetBytes + offset + done;
        done += (await this.#handle.write(bytes, done, bytes.length - done, at)).bytesWritten;
      }
    } catch (error) {
      throw explainDiskError(error, region, 'written');
    }
  }

  /** Makes what was written durable. Throws AgentError WRITE_FAILED | NO_SPACE. */
  async flush(): Promise<void> {
    try {
      await this.#handle.datasync();
    } catch (error) {
      throw explainDiskError(error, this.region, 'written');
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  #check(offset: number, length: number): void {
    if (offset >= 0 && offset + length <= this.region.sizeBytes) return;
    throw explainDiskError(new Error('that lies outside of it'), this.region, 'used');
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EIO: 'the disk reports an error (EIO)',
  EROFS: 'it is read-only (EROFS)',
  EACCES: 'access is denied',
  EPERM: 'the kernel does not allow it (EPERM)',
  EBUSY: 'it is in use',
  ENOENT: 'it is not there',
  ENODEV: 'the disk is gone',
  ENXIO: 'the disk is gone',
  ENOMEDIUM: 'the disk is gone',
  EREMOTEIO: 'the disk reports an error',
};

/** A failure of the disk as a sentence with its cure: NO_SPACE when it is full, else WRITE_FAILED. */
export function explainDiskError(error: unknown, region: Pick<Region, 'path'>, done: string): AgentError {
  if (error instanceof AgentError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new AgentError({
      code: 'NO_SPACE',
      message: `${region.path} cannot be ${done}: there is no space left.`,
      hint: 'The version that runs is untouched. Free space below it, or use a larger disk, and try again.',
      cause: error,
    });
  }
  const why = REASONS[code] ?? (code === '' && error instanceof Error ? error.message : code);
  return new AgentError({
    code: 'WRITE_FAILED',
    message: `${region.path} cannot be ${done}: ${why}.`,
    hint: 'The version that runs is untouched. Look at the messages of the kernel (dmesg) and the health of the disk, then try again.',
    cause: error,
  });
}
