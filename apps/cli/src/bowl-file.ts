import { open } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { type LoadResult, loadBowl, type SourceText } from '@bowline/spec';
import { CliError } from './error.ts';
import { findBowl } from './places.ts';

/** A file larger than this is cut: what is left is still more than the parser takes, so it is refused with its reason. */
const MAX_READ_BYTES = 4 * 2 ** 20;

/**
 * Reads a bowl and what it extends from disk. A relative path starts at `cwd` and stays relative in messages.
 * Throws CliError FILE_NOT_FOUND when the first file cannot be read; every other problem is part of the result.
 */
export async function readBowl(path: string, projectFolder: string, cwd: string = process.cwd()): Promise<LoadResult> {
  const named = (absolute: string) => (isAbsolute(path) ? absolute : relative(cwd, absolute));
  const folder = dirname(resolve(cwd, path));
  return await loadBowl(
    await readText(path, cwd),
    async (reference, fromPath) => {
      const from = { cwd: dirname(resolve(cwd, fromPath)), projectFolder };
      return await readText(named(await findBowl(reference, from)), cwd);
    },
    // A build says that the file is missing; here there is nothing to check then.
    { readCloudConfig: async (file) => await readText(named(resolve(folder, file)), cwd).catch(() => undefined) },
  );
}

/** The head of a document, more than any parser takes. Throws CliError FILE_NOT_FOUND. */
export async function readText(path: string, cwd: string): Promise<SourceText> {
  const absolute = resolve(cwd, path);
  try {
    return { path, text: await readHead(absolute) };
  } catch (error) {
    throw new CliError({
      code: 'FILE_NOT_FOUND',
      message: `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`,
      cause: error,
    });
  }
}

/** The path of the lock file that belongs to a bowl. */
export function lockPathOf(bowlPath: string): string {
  return join(dirname(bowlPath), 'bowl.lock');
}

async function readHead(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, MAX_READ_BYTES));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
