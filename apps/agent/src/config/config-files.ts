import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../machine/machine.ts';

/** Files below folders, and what could not be looked at. */
export interface ConfigFiles {
  /** Paths on the machine, in the order in which they count. */
  paths: string[];
  /** Paths that could not be listed or followed, each with a sentence. */
  unreadable: { path: string; reason: string }[];
}

const MAX_DEPTH = 8;
const MAX_FILES = 2000;

/**
 * Lists `*.yml` and `*.yaml` below folders of the machine: folders in the given order, names in byte order. A folder
 * that is not there is no matter; links are followed, and one that leads back to where it stands is reported.
 */
export async function listConfigFiles(machine: Machine, folders: readonly string[]): Promise<ConfigFiles> {
  const found: ConfigFiles = { paths: [], unreadable: [] };
  const seen = new Set<string>();
  for (const folder of folders) {
    const paths: string[] = [];
    await walk(machine, folder, [], { paths, unreadable: found.unreadable });
    for (const path of paths) {
      // A folder that is named twice, or below another one, counts once: at its first place.
      if (seen.has(path)) continue;
      seen.add(path);
      if (found.paths.length >= MAX_FILES) {
        found.unreadable.push({ path: folder, reason: `has more than ${MAX_FILES} files; the others are left out` });
        return found;
      }
      found.paths.push(path);
    }
  }
  return found;
}

async function walk(machine: Machine, folder: string, above: readonly string[], found: ConfigFiles): Promise<void> {
  const report = (path: string, reason: string) => void found.unreadable.push({ path, reason });
  try {
    const real = await realpath(machine.locate(folder));
    if (above.includes(real)) return report(folder, 'is a link to a folder it stands in');
    if (above.length >= MAX_DEPTH) return report(folder, `is more than ${MAX_DEPTH} folders deep`);
    const names = await readdir(machine.locate(folder));
    for (const name of names.toSorted(compareBytes)) {
      const path = join(folder, name);
      const info = await stat(machine.locate(path)).catch((error: unknown) => error);
      if (info instanceof Error) {
        if (isConfigName(name)) report(path, `cannot be read (${codeOf(info)})`);
        continue;
      }
      const { isFolder } = { isFolder: (info as { isDirectory(): boolean }).isDirectory() };
      if (isFolder) await walk(machine, path, [...above, real], found);
      else if (isConfigName(name)) found.paths.push(path);
    }
  } catch (error) {
    const code = codeOf(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') report(folder, `cannot be listed (${code})`);
  }
}

function isConfigName(name: string): boolean {
  return /\.ya?ml$/.test(name);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'an unknown error';
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
