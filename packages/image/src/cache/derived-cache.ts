import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, explainDiskFull, withFileLock } from '@bowline/host';

const RECORD = 'record.json';

/** Something a build step made once: its folder, and what the step said about it. */
export interface Derived<T> {
  folder: string;
  record: T;
  /** True when it was found, not made. */
  cached: boolean;
}

/** How a step makes its result. */
export interface Derivation<T> {
  /** Digest over everything that decides the result. */
  key: Digest;
  /** Checks a record read back from disk; a record that does not fit is made again. */
  parse: (value: unknown) => T;
  /** Fills an empty folder, and returns the record. */
  make: (folder: string) => Promise<T>;
  onWait?: () => void;
  signal: AbortSignal;
}

/**
 * Results of build steps by the digest of their inputs: `<folder>/<hex>/`.
 * Invariant: a folder of that name is complete and durable; unfinished ones end in `.partial` and are made again.
 */
export class DerivedCache {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * The result for a key, made under a lock when it is not there: two builds at once share one piece of work.
   *
   * @throws HostError DISK_FULL | LOCK_FAILED | ABORTED, and what making it throws
   */
  async derive<T>(derivation: Derivation<T>): Promise<Derived<T>> {
    const folder = join(this.folder, derivation.key.slice('sha256:'.length));
    const found = await this.#find(folder, derivation);
    if (found) return found;
    await mkdir(this.folder, { recursive: true });
    const wait = derivation.onWait === undefined ? {} : { onWait: derivation.onWait };
    return withFileLock(`${folder}.lock`, { ...wait, signal: derivation.signal }, async () => {
      const meanwhile = await this.#find(folder, derivation);
      if (meanwhile) return meanwhile;
      const partial = `${folder}.partial`;
      await rm(partial, { recursive: true, force: true });
      await rm(folder, { recursive: true, force: true });
      await mkdir(partial, { recursive: true });
      try {
        const record = await derivation.make(partial);
        await writeFile(join(partial, RECORD), JSON.stringify(record));
        for (const name of await readdir(partial)) await sync(join(partial, name));
        await rename(partial, folder);
        await sync(this.folder);
        return { folder, record, cached: false };
      } catch (error) {
        await rm(partial, { recursive: true, force: true });
        throw explainDiskFull(error, this.folder);
      }
    });
  }

  async #find<T>(folder: string, derivation: Derivation<T>): Promise<Derived<T> | undefined> {
    const text = await readFile(join(folder, RECORD), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    try {
      const record = derivation.parse(JSON.parse(text));
      // The folder's time says when it was last of use: `clean` removes the oldest first.
      const now = new Date();
      await utimes(folder, now, now);
      return { folder, record, cached: true };
    } catch {
      return undefined;
    }
  }
}

async function sync(path: string): Promise<void> {
  const isFolder = (await stat(path)).isDirectory();
  const handle = await open(path, isFolder ? 'r' : 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
