import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, type FileHandle, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BlobStore, Digest } from './blob-store.ts';
import { abortedError, errnoOf, explainDiskFull, HostError } from './error.ts';
import { readChunks, sha256File } from './sha256-file.ts';
import { sweepTemporaries, temporaryName } from './temporary-names.ts';
import { syncFolder } from './write-file-atomic.ts';

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const BLOB_MODE = 0o444;

/** What a file system that cannot clone answers to FICLONE. */
const CANNOT_CLONE = ['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EINVAL', 'ENOTTY'];
/** And to link(2); EPERM also for files of others, where protected_hardlinks is on. */
const CANNOT_SHARE = ['EXDEV', 'EPERM', 'EACCES', 'EMLINK', 'ENOSYS', 'EOPNOTSUPP', 'ENOTSUP'];

interface IngestOptions {
  expected?: Digest;
  maxBytes?: number;
  signal?: AbortSignal;
}

/**
 * Blobs as files `sha256/<first 2 hex digits>/<hex digits>` of one folder. Several processes may use one folder:
 * a blob is written under a name of its own and renamed, so whoever comes second replaces equal bytes.
 */
export class LocalBlobStore implements BlobStore {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Opens a store, making its folder when there is none, and removes what killed processes left in it. */
  static async open(folder: string): Promise<LocalBlobStore> {
    const blobs = join(folder, 'sha256');
    await mkdir(blobs, { recursive: true });
    // Besides blobs the folder holds what others keep about them.
    for (const name of ['sha256', 'layers', 'seen']) await sweepTemporaries(join(folder, name));
    return new LocalBlobStore(folder);
  }

  async has(digest: Digest): Promise<boolean> {
    return (await this.#stat(digest)) !== undefined;
  }

  async path(digest: Digest): Promise<string> {
    await this.size(digest);
    return this.#pathOf(digest);
  }

  async size(digest: Digest): Promise<number> {
    const found = await this.#stat(digest);
    if (found !== undefined) return found.size;
    throw new HostError({
      code: 'BLOB_MISSING',
      message: `${digest} is not in the store ${this.folder}`,
      hint: 'Fetch it again, or import a store that has it.',
      details: { digest, folder: this.folder },
    });
  }

  async ingest(
    stream: AsyncIterable<Uint8Array>,
    options: IngestOptions = {},
  ): Promise<{ digest: Digest; size: number }> {
    return this.#keep(options, async (temporary) => {
      const hash = createHash('sha256');
      let size = 0;
      const handle = await open(temporary, 'wx', BLOB_MODE);
      try {
        for await (const chunk of stream) {
          if (options.signal?.aborted) throw abortedError('storing a blob', options.signal);
          size += chunk.length;
          if (size > (options.maxBytes ?? Number.POSITIVE_INFINITY)) throw tooLarge(options.maxBytes);
          hash.update(chunk);
          await writeFully(handle, chunk);
        }
      } finally {
        await handle.close();
      }
      return { digest: `sha256:${hash.digest('hex')}` as Digest, size };
    });
  }

  async ingestFile(path: string, options: IngestOptions = {}): Promise<{ digest: Digest; size: number }> {
    const { size } = await stat(path);
    if (size > (options.maxBytes ?? Number.POSITIVE_INFINITY)) throw tooLarge(options.maxBytes, path);
    const cloned = await this.#tryClone(path, options);
    return cloned ?? (await this.ingest(readChunks(path, options.signal), options));
  }

  async adoptFile(
    path: string,
    read: (path: string) => Promise<Digest>,
    options: { expected?: Digest } = {},
  ): Promise<{ digest: Digest; size: number } | undefined> {
    let shared: 'reflink' | 'hard link' | undefined;
    try {
      return await this.#keep(
        options,
        async (temporary) => {
          shared = await shareFile(path, temporary);
          const digest = await read(temporary);
          return { digest, size: (await stat(temporary)).size };
        },
        // The mode of a hard link is that of the original.
        () => (shared === 'hard link' ? undefined : BLOB_MODE),
      );
    } catch (error) {
      if (shared === undefined && CANNOT_SHARE.includes(errnoOf(error) ?? '')) return undefined;
      throw error;
    }
  }

  async *list(): AsyncGenerator<{ digest: Digest; size: number }> {
    const root = join(this.folder, 'sha256');
    for (const prefix of (await readdir(root)).sort()) {
      if (!/^[0-9a-f]{2}$/.test(prefix)) continue;
      for (const name of (await readdir(join(root, prefix))).sort()) {
        const digest: Digest = `sha256:${name}`;
        const found = DIGEST.test(digest) ? await this.#stat(digest) : undefined;
        if (found !== undefined) yield { digest, size: found.size };
      }
    }
  }

  async remove(digest: Digest): Promise<void> {
    await rm(this.#pathOf(digest), { force: true });
  }

  /** Reads a blob again. Throws HostError BLOB_MISSING, or BLOB_CORRUPT when its bytes are no longer what its name says. */
  async verify(digest: Digest, signal?: AbortSignal): Promise<void> {
    const found = await sha256File(await this.path(digest), { signal });
    if (found.digest === digest) return;
    throw new HostError({
      code: 'BLOB_CORRUPT',
      message: `${digest} in the store ${this.folder} is damaged: its bytes are ${found.digest}`,
      hint: 'Check the disk, remove the blob and fetch it again.',
      details: { digest, actual: found.digest, folder: this.folder },
    });
  }

  /** A reflink shares the blocks and cannot change when the original does, which a hard link would. */
  async #tryClone(path: string, options: IngestOptions): Promise<{ digest: Digest; size: number } | undefined> {
    try {
      return await this.#keep(options, async (temporary) => {
        await copyFile(path, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
        const { digest, sizeBytes } = await sha256File(temporary, { signal: options.signal });
        return { digest, size: sizeBytes };
      });
    } catch (error) {
      if (CANNOT_CLONE.includes(errnoOf(error) ?? '')) return undefined;
      throw error;
    }
  }

  /** Runs a writer on a temporary name, and gives the file its real one; nothing is left when anything fails. */
  async #keep(
    options: IngestOptions,
    write: (temporary: string) => Promise<{ digest: Digest; size: number }>,
    mode: () => number | undefined = () => BLOB_MODE,
  ): Promise<{ digest: Digest; size: number }> {
    const temporary = join(this.folder, 'sha256', temporaryName('tmp'));
    try {
      const written = await write(temporary);
      if (options.expected !== undefined && options.expected !== written.digest) {
        throw mismatch(options.expected, written.digest);
      }
      await this.#publish(temporary, written.digest, mode());
      return written;
    } catch (error) {
      await rm(temporary, { force: true });
      throw explainDiskFull(error, this.folder);
    }
  }

  async #publish(temporary: string, digest: Digest, mode: number | undefined): Promise<void> {
    const path = this.#pathOf(digest);
    const made = await mkdir(dirname(path), { recursive: true });
    const handle = await open(temporary, 'r');
    try {
      if (mode !== undefined) await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    // rename(2) does nothing when both names are hard links to one file.
    await rm(temporary, { force: true });
    await syncFolder(dirname(path));
    if (made !== undefined) await syncFolder(join(this.folder, 'sha256'));
  }

  #pathOf(digest: Digest): string {
    // A digest may come from a hostile manifest: only its exact form may ever become a path.
    if (!DIGEST.test(digest)) {
      throw new HostError({ code: 'BLOB_MISSING', message: `${JSON.stringify(digest)} is not a sha256 digest` });
    }
    const hex = digest.slice('sha256:'.length);
    return join(this.folder, 'sha256', hex.slice(0, 2), hex);
  }

  async #stat(digest: Digest): Promise<{ size: number } | undefined> {
    try {
      return await stat(this.#pathOf(digest));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }
}

/** Gives a file a second name or a clone. Throws the system's error when neither works. */
async function shareFile(path: string, target: string): Promise<'reflink' | 'hard link'> {
  try {
    await copyFile(path, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
    return 'reflink';
  } catch (error) {
    if (!CANNOT_CLONE.includes(errnoOf(error) ?? '')) throw error;
    await rm(target, { force: true });
    await link(path, target);
    return 'hard link';
  }
}

async function writeFully(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  let done = 0;
  while (done < chunk.length) done += (await handle.write(chunk, done, chunk.length - done)).bytesWritten;
}

function tooLarge(maxBytes: number | undefined, origin = 'a blob'): HostError {
  return new HostError({
    code: 'BLOB_TOO_LARGE',
    message: `${origin} is larger than the ${maxBytes} bytes allowed here`,
    details: { maxBytes },
  });
}

function mismatch(expected: Digest, actual: Digest): HostError {
  return new HostError({
    code: 'BLOB_MISMATCH',
    message: `the content does not match: expected ${expected}, got ${actual}`,
    hint: 'The source serves something else than what was asked for, or the transfer was damaged; nothing was kept.',
    details: { expected, actual },
  });
}
