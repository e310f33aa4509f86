import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from './error.ts';
import { isTagDead, processTag } from './process-identity.ts';

const NAME = /^\.(?:tmp|scratch)-(\d+-\d+-\d+)-[0-9a-f]{12}/;

/** A name nobody else uses, which says who made it: `.tmp-<namespace>-<pid>-<start>-<random>`. */
export function temporaryName(kind: 'tmp' | 'scratch', suffix = ''): string {
  return `.${kind}-${processTag()}-${randomBytes(6).toString('hex')}${suffix}`;
}

/** Removes what processes that have ended (also by SIGKILL) left in a folder under such names. */
export async function sweepTemporaries(
  folder: string,
  remove: (path: string) => Promise<void> = (path) => rm(path, { recursive: true, force: true }),
): Promise<void> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  for (const name of names) {
    const tag = NAME.exec(name)?.[1];
    // What cannot be removed (another user's) must not stop the work that comes after it.
    if (tag !== undefined && isTagDead(tag)) await remove(join(folder, name)).catch(() => undefined);
  }
}
