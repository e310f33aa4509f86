import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { FileEntry } from '@bowline/spec';
import { ImageError } from '../error.ts';
import { type RootChange, symlink, textFile } from './root-reader.ts';

const MAX_FILE_BYTES = 256 * 2 ** 20;
const MAX_TREE_ENTRIES = 20_000;

/** The `files:` of a bowl as changes; folders are copied whole, in name order, execute bits kept. */
export async function configureFiles(bowlFolder: string, files: readonly FileEntry[]): Promise<RootChange[]> {
  const changes: RootChange[] = [];
  for (const file of files) {
    const path = file.path.replace(/^\/+/, '').replace(/\/+$/, '');
    const mode = file.mode === undefined ? undefined : Number.parseInt(file.mode, 8);
    if (file.content !== undefined)
      changes.push({ ...textFile(path, file.content, mode), uid: file.uid, gid: file.gid } as RootChange);
    else if (file.symlink !== undefined)
      changes.push({ ...symlink(path, file.symlink), uid: file.uid, gid: file.gid } as RootChange);
    else if (file.source !== undefined) await copyIn(resolve(bowlFolder, file.source), path, file, mode, changes);
  }
  return changes;
}

async function copyIn(
  source: string,
  path: string,
  file: FileEntry,
  mode: number | undefined,
  changes: RootChange[],
): Promise<void> {
  const owner = { uid: file.uid, gid: file.gid };
  const stat = await lstat(source).catch((cause: unknown) => {
    throw new ImageError({
      code: 'SOURCE_MISSING',
      message: `files: ${file.path} is to come from ${file.source}, which does not exist`,
      hint: 'paths start at the folder of the bowl that names them',
      cause,
    });
  });
  if (changes.length >= MAX_TREE_ENTRIES) {
    throw new ImageError({
      code: 'LAYER_TOO_LARGE',
      message: `files: ${file.source} holds more than ${MAX_TREE_ENTRIES} entries`,
      hint: 'make it a layer of its own: a tar as base, or a step of a Dockerfile',
    });
  }
  if (stat.isSymbolicLink()) changes.push({ kind: 'symlink', path, target: await readlink(source), ...owner });
  else if (stat.isDirectory()) {
    changes.push({ kind: 'directory', path, mode: 0o755, ...owner });
    for (const name of (await readdir(source)).sort())
      await copyIn(`${source}/${name}`, `${path}/${name}`, file, mode, changes);
  } else if (stat.isFile()) {
    if (stat.size > MAX_FILE_BYTES) {
      throw new ImageError({
        code: 'LAYER_TOO_LARGE',
        message: `files: ${file.source} has ${stat.size} bytes; at most ${MAX_FILE_BYTES} go in this way`,
        hint: 'make it a layer of its own: a tar as base, or a step of a Dockerfile',
      });
    }
    // Only the execute bit of the owner counts: the rest is the umask of whoever checked the bowl out.
    const own = (stat.mode & 0o100) === 0 ? 0o644 : 0o755;
    changes.push({ kind: 'file', path, content: await readFile(source), mode: mode ?? own, ...owner });
  } else {
    throw new ImageError({
      code: 'SOURCE_MISSING',
      message: `files: ${file.source} is neither a file, a folder nor a symbolic link`,
      hint: 'copy in regular files only',
    });
  }
}
