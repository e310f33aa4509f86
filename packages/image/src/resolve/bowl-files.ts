import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import type { Digest } from '@bowline/host';
import type { Bowl } from '@bowline/spec';
import { ImageError } from '../error.ts';
import { type FileHasher, scanContext } from '../sources/build-context.ts';

/** A folder of more entries than this is a root file system, not a file of a bowl. */
const MAX_ENTRIES = 100_000;

/** The files and folders beside a bowl that go into the image as they are, by their path as written; sorted, each once. */
function bowlFilePaths(bowl: Bowl): string[] {
  const paths = bowl.files.flatMap((file) => (file.source === undefined ? [] : [file.source]));
  if (bowl.cloudConfig !== undefined && 'file' in bowl.cloudConfig) paths.push(bowl.cloudConfig.file);
  return [...new Set([...paths, ...bowl.upgrade.trustedKeys])].sort();
}

/**
 * Digests of those files for the lock. A folder counts with its names, x bits and contents. Bases (Dockerfile and its context,
 * root tars, image folders) are part of their source's request instead.
 * Throws ImageError SOURCE_MISSING, naming every file that is not there.
 */
export async function hashBowlFiles(
  bowl: Bowl,
  bowlFolder: string,
  hashFile: FileHasher,
): Promise<Record<string, Digest>> {
  const digests: Record<string, Digest> = {};
  const missing: string[] = [];
  for (const written of bowlFilePaths(bowl)) {
    const file = path.resolve(bowlFolder, written);
    const stat = await lstat(file).catch(() => undefined);
    if (stat === undefined) missing.push(written);
    else if (stat.isDirectory()) {
      const { entries } = await scanContext(file, undefined, hashFile, { maxEntries: MAX_ENTRIES }, 'everything');
      digests[written] = sha256(entries.map((entry) => JSON.stringify(entry)).join('\n'));
    } else digests[written] = sha256(`${(stat.mode & 0o100) === 0 ? 'file' : 'program'} ${await hashFile(file)}`);
  }
  if (missing.length === 0) return digests;
  throw new ImageError({
    code: 'SOURCE_MISSING',
    message: `The bowl uses what does not exist: ${missing.join(', ')}.`,
    hint: 'Paths in a bowl start at the folder of the bowl.',
    details: { missing },
  });
}

function sha256(text: string): Digest {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
