import { createHash } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Digest, syncFolder } from '@bowline/host';
import { ImageError } from '../error.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';

const TIMEOUT_MS = 30 * 60 * 1000;

export interface VerityOptions {
  /** Absolute path of the file system to protect. */
  squashfs: string;
  /** Absolute path of the hash tree to write; appears whole or not at all. */
  out: string;
  toolbox: Toolbox;
  /** 64 hex digits. */
  salt: string;
  uuid: string;
  signal?: AbortSignal | undefined;
}

/**
 * Salt and UUID that follow from a content key (the digest of the squashfs or of what it is made from), so that the same root
 * gives the same hash tree. The salt need not be secret: it only keeps precomputed collisions from fitting many images.
 */
export function verityParameters(key: Digest): { salt: string; uuid: string } {
  const salt = createHash('sha256').update(`bowline verity salt\0${key}`).digest('hex');
  const id = createHash('sha256').update(`bowline verity uuid\0${key}`).digest().subarray(0, 16);
  // RFC 9562, version 8 (custom) and the RFC variant.
  id[6] = ((id[6] as number) & 0x0f) | 0x80;
  id[8] = ((id[8] as number) & 0x3f) | 0x80;
  const hex = id.toString('hex');
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  return { salt, uuid };
}

/**
 * Writes the dm-verity hash tree of a file system (sha256, 4 KiB blocks, format 1).
 *
 * @throws ImageError TOOLBOX_FAILED when veritysetup does not print a root hash
 * @throws HostError ABORTED | PROCESS_FAILED | PROCESS_TIMEOUT
 */
export async function formatVerity(options: VerityOptions): Promise<{ rootHash: string }> {
  const { squashfs, out, salt, uuid, signal } = options;
  const temporary = `.${basename(out)}.tmp`;
  const temporaryPath = join(dirname(out), temporary);
  await rm(temporaryPath, { force: true });
  try {
    const { stdout } = await options.toolbox.run({
      argv: [
        'veritysetup',
        'format',
        '--hash=sha256',
        '--data-block-size=4096',
        '--hash-block-size=4096',
        `--salt=${salt}`,
        `--uuid=${uuid}`,
        `/in/${basename(squashfs)}`,
        `/out/${temporary}`,
      ],
      binds: [
        { source: dirname(squashfs), target: '/in', writable: false },
        { source: dirname(out), target: '/out', writable: true },
      ],
      timeoutMs: TIMEOUT_MS,
      ...(signal === undefined ? {} : { signal }),
    });
    const rootHash = /^Root hash:\s+([0-9a-f]{64})$/m.exec(new TextDecoder().decode(stdout))?.[1];
    if (rootHash === undefined) {
      throw new ImageError({ code: 'TOOLBOX_FAILED', message: 'veritysetup printed no root hash' });
    }
    const handle = await open(temporaryPath, 'r');
    try {
      await handle.chmod(0o644);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporaryPath, out);
    await syncFolder(dirname(out));
    return { rootHash };
  } catch (error) {
    await rm(temporaryPath, { force: true });
    throw error;
  }
}
