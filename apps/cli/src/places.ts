import { readdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { CliError } from './error.ts';

/** Where Bowline keeps what it can make or fetch again: $BOWLINE_CACHE, $XDG_CACHE_HOME/bowline or ~/.cache/bowline. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>, cwd: string): string {
  const own = env['BOWLINE_CACHE'] ?? '';
  if (own !== '') return resolve(cwd, own);
  const xdg = env['XDG_CACHE_HOME'] ?? '';
  // The XDG base directory specification: a relative path there is to be ignored.
  return isAbsolute(xdg) ? join(xdg, 'bowline') : join(homedir(), '.cache', 'bowline');
}

/** Names of the ready bowls, sorted. */
export async function readyBowls(projectFolder: string): Promise<string[]> {
  const folder = join(projectFolder, 'bowls');
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names: string[] = [];
  for (const entry of entries) {
    if (entry.isDirectory() && (await isFile(join(folder, entry.name, 'bowl.yaml')))) names.push(entry.name);
  }
  return names.toSorted();
}

/**
 * The bowl file an argument means: a file, a folder with bowl.yaml, or the name of a ready bowl. Files come first.
 * Throws CliError BOWL_NOT_FOUND.
 */
export async function findBowl(argument: string, from: { cwd: string; projectFolder: string }): Promise<string> {
  const path = resolve(from.cwd, argument);
  if (await isFile(path)) return path;
  if (await isFile(join(path, 'bowl.yaml'))) return join(path, 'bowl.yaml');
  const ready = await readyBowls(from.projectFolder);
  if (ready.includes(argument)) return join(from.projectFolder, 'bowls', argument, 'bowl.yaml');
  const isFolder = await stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
  throw new CliError({
    code: 'BOWL_NOT_FOUND',
    message: isFolder
      ? `${argument} holds no bowl.yaml`
      : `there is no bowl "${argument}": no file, folder or ready bowl has that name`,
    hint: `Ready bowls: ${ready.join(', ') || 'none'}. Your own: a folder with a bowl.yaml.`,
    details: { argument, ready },
  });
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (info) => info.isFile(),
    () => false,
  );
}
