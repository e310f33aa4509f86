import { lstat, readFile } from 'node:fs/promises';
import { type Digest, sha256File, writeFileAtomic } from '@bowline/host';
import * as z from 'zod';

const Remembered = z.record(
  z.string(),
  z.strictObject({
    size: z.string(),
    inode: z.string(),
    mtime: z.string(),
    ctime: z.string(),
    digest: z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]),
  }),
);
type Remembered = z.infer<typeof Remembered>;

/** A file changed this recently may change again within one tick of its time stamp: it is not remembered. */
const SETTLED_NS = 2_000_000_000n;
const MAX_REMEMBERED = 20_000;

/**
 * Digests of the files a bowl names. Files whose size, inode and times are unchanged are not read again, so that an unchanged bowl
 * with a large vendor tar costs nothing.
 */
export class FileDigests {
  readonly #file: string | undefined;
  readonly #now: () => Date;
  readonly #signal: AbortSignal;
  #remembered: Map<string, Remembered[string]> | undefined;
  #changed = false;

  /** `file`: where to remember them between runs; undefined remembers within this run only. */
  constructor(file: string | undefined, now: () => Date, signal: AbortSignal) {
    this.#file = file;
    this.#now = now;
    this.#signal = signal;
  }

  /** sha256 of a file. Throws the system's error when it cannot be read, HostError ABORTED. */
  async digest(path: string): Promise<Digest> {
    const known = await this.#load();
    const before = await stamp(path);
    const found = known.get(path);
    if (found !== undefined && sameStamp(found, before)) return found.digest;
    const { digest } = await sha256File(path, { signal: this.#signal });
    const after = await stamp(path);
    const settled = BigInt(this.#now().getTime()) * 1_000_000n - BigInt(after.mtime) > SETTLED_NS;
    if (settled && sameStamp(before, after)) {
      known.delete(path);
      known.set(path, { ...after, digest });
      this.#changed = true;
    }
    return digest;
  }

  /** Writes what was learnt; failing to is no failure of the build. */
  async save(): Promise<void> {
    if (this.#file === undefined || !this.#changed || this.#remembered === undefined) return;
    const newest = [...this.#remembered].slice(-MAX_REMEMBERED);
    await writeFileAtomic(this.#file, JSON.stringify(Object.fromEntries(newest))).catch(() => undefined);
    this.#changed = false;
  }

  async #load(): Promise<Map<string, Remembered[string]>> {
    if (this.#remembered !== undefined) return this.#remembered;
    let known: Remembered = {};
    if (this.#file !== undefined) {
      try {
        known = Remembered.parse(JSON.parse(await readFile(this.#file, 'utf8')));
      } catch {
        // Not there yet, or not ours: digests are computed again.
      }
    }
    this.#remembered ??= new Map(Object.entries(known));
    return this.#remembered;
  }
}

interface Stamp {
  size: string;
  inode: string;
  mtime: string;
  ctime: string;
}

async function stamp(path: string): Promise<Stamp> {
  const { size, ino, mtimeNs, ctimeNs } = await lstat(path, { bigint: true });
  return { size: String(size), inode: String(ino), mtime: String(mtimeNs), ctime: String(ctimeNs) };
}

function sameStamp(a: Stamp, b: Stamp): boolean {
  return a.size === b.size && a.inode === b.inode && a.mtime === b.mtime && a.ctime === b.ctime;
}
