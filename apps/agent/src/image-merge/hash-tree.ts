import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Tree } from './tree-entry.ts';

/** sha256 of a file in hex. */
export async function hashFile(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest('hex');
}

/**
 * Fills in the contents of the files of an image, as long as time is left: what is not known counts as changed by the next
 * image, and costs no more than a copy then.
 */
export async function hashTree(
  root: string,
  tree: Tree,
  limits: { untilMs: number; signal: AbortSignal },
): Promise<void> {
  for (const [path, entry] of tree) {
    if (entry.type !== 'file') continue;
    if (performance.now() > limits.untilMs) return;
    entry.content = await hashFile(join(root, path), limits.signal);
  }
}
