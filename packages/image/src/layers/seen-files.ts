import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, writeFileAtomic } from '@bowline/host';

/**
 * Remembers which layer a local file was, so that an unchanged tar is not read again. The key is everything the kernel
 * changes when the file changes: device, inode, size, modification and change time in nanoseconds.
 */
export class SeenFiles {
  readonly #folder: string;

  /** `folder` is made on first use; it holds one small file for each seen file. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The layer this file was when it was last read; undefined when it was not, or has changed since. */
  async find(path: string, stats: BigIntStats): Promise<{ diffId: Digest; size: number } | undefined> {
    try {
      const parsed = JSON.parse(await readFile(this.#recordPath(path, stats), 'utf8')) as {
        diffId?: unknown;
        size?: unknown;
      };
      if (typeof parsed.diffId !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(parsed.diffId)) return undefined;
      if (typeof parsed.size !== 'number') return undefined;
      return { diffId: parsed.diffId as Digest, size: parsed.size };
    } catch {
      return undefined;
    }
  }

  /** Records what the file is; `stats` were taken before it was read. */
  async remember(path: string, stats: BigIntStats, layer: { diffId: Digest; size: number }): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const record = JSON.stringify({ diffId: layer.diffId, size: layer.size });
    await writeFileAtomic(this.#recordPath(path, stats), record);
  }

  #recordPath(path: string, stats: BigIntStats): string {
    const key = [path, stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join('\0');
    return join(this.#folder, createHash('sha256').update(key).digest('hex'));
  }
}
