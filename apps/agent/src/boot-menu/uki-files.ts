import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '@bowline/host';
import { ukiDigestOf, ukiPath } from '@bowline/os-layout';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { espWriteFailed } from './menu-error.ts';

/** Left free for entries and directories. */
const RESERVE_BYTES = 1024 * 1024;
const READ_BYTES = 1024 * 1024;

/** The UKIs on a mounted ESP. They are named by their content, and no entry names one before it is whole. */
export class UkiFiles {
  readonly #esp: string;
  readonly #machine: Machine;

  constructor(esp: string, machine: Machine) {
    this.#esp = esp;
    this.#machine = machine;
  }

  async has(digest: string): Promise<boolean> {
    return stat(join(this.#esp, ukiPath(digest))).then(
      (stats) => stats.isFile(),
      () => false,
    );
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#esp);
    return Math.max(bavail * bsize - RESERVE_BYTES, 0);
  }

  /** Writes a UKI unless it is there and whole, and reads it back from the disk. See BootMenu.addUki. */
  async add(digest: string, bytes: () => AsyncIterable<Uint8Array>, sizeBytes: number): Promise<void> {
    const name = ukiPath(digest);
    const path = join(this.#esp, name);
    if ((await stat(path).catch(() => undefined))?.size === sizeBytes && (await hashFile(path)) === digest) return;
    try {
      // Written again from the start: what is there is half of one.
      await rm(path, { force: true });
      await mkdir(dirname(path), { recursive: true });
      await syncFolder(dirname(path));
      await this.#requireRoom(name, sizeBytes);
      await writeDurably(path, bytes(), sizeBytes);
      await this.#dropPageCache();
      if ((await hashFile(path)) !== digest) throw corrupt(name);
    } catch (error) {
      await rm(path, { force: true }).catch(() => undefined);
      await syncFolder(dirname(path)).catch(() => undefined);
      throw espWriteFailed(name, error);
    }
  }

  /** Removes what is in the folder of UKIs and not among these digests; returns the digests that went. */
  async keepOnly(digests: ReadonlySet<string>): Promise<string[]> {
    const folder = dirname(join(this.#esp, ukiPath(`sha256:${'0'.repeat(64)}`)));
    const removed: string[] = [];
    for (const name of await readdir(folder).catch(() => [])) {
      const digest = ukiDigestOf(`EFI/bowline/${name}`);
      if (digest !== undefined && digests.has(digest)) continue;
      await rm(join(folder, name), { recursive: true, force: true });
      if (digest !== undefined) removed.push(digest);
    }
    if (removed.length > 0) await syncFolder(folder);
    return removed.toSorted();
  }

  async #requireRoom(name: string, sizeBytes: number): Promise<void> {
    const free = await this.freeBytes();
    if (free >= sizeBytes) return;
    throw new AgentError({
      code: 'NO_SPACE',
      message: `${name} needs ${sizeBytes} bytes on the EFI system partition, which has ${free} bytes left.`,
      hint: 'Remove files that are not of this system from it.',
    });
  }

  /** What is read afterwards comes from the disk, as far as the kernel lets us ask for it. */
  async #dropPageCache(): Promise<void> {
    await writeFile(this.#machine.locate('/proc/sys/vm/drop_caches'), '1\n', { flag: 'r+' }).catch(() => undefined);
  }
}

async function writeDurably(path: string, bytes: AsyncIterable<Uint8Array>, sizeBytes: number): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    let written = 0;
    for await (const chunk of bytes) {
      written += chunk.length;
      if (written > sizeBytes) break;
      await handle.writeFile(chunk);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncFolder(dirname(path));
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) hash.update(chunk as Buffer);
  return `sha256:${hash.digest('hex')}`;
}

function corrupt(name: string): AgentError {
  return new AgentError({
    code: 'WRITE_FAILED',
    message: `${name} on the EFI system partition is not what its digest says.`,
    hint: 'Fetch the release again; when it happens again, the disk is failing.',
  });
}
