import { createHash } from 'node:crypto';
import { open, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type Digest,
  explainDiskFull,
  HostError,
  type Progress,
  syncFolder,
  withScratchFolder,
  writeFileAtomic,
} from '@bowline/host';
import { type Arch, formatManifest, type Manifest, type OutputKind, parseManifest } from '@bowline/spec';
import type { BuiltFile } from './options.ts';
import { withShownLock } from './shown-lock.ts';

const MANIFEST = 'manifest.json';
const PARTIAL = '.partial';

/** A finished artefact that is still in a scratch folder. */
export interface StagedFile {
  folder: string;
  /** Relative to `folder` now, and to the folder of the build later; may have folders of its own. */
  name: string;
  arch: Arch;
  output: OutputKind;
  sizeBytes: number;
  sha256: Digest;
}

/** Path of the manifest in the folder of a build. */
export function manifestPathOf(folder: string): string {
  return join(folder, MANIFEST);
}

/**
 * Hands `work` a scratch folder inside the folder of a build, removed on every path, while nobody else writes there: two
 * bowls of one name may share it.
 */
export async function withBuildFolder<T>(
  folder: string,
  locks: string,
  env: { progress: Progress; signal: AbortSignal },
  work: (scratch: string) => Promise<T>,
): Promise<T> {
  const name = createHash('sha256').update(`out ${folder}`).digest('hex');
  return withShownLock(join(locks, name), `waiting for another build in ${folder}`, env, async () => {
    // What a killed build left goes when the next one begins.
    const partial = join(folder, PARTIAL);
    try {
      // The scratch folder is gone when somebody reads the message.
      const explained = (scratch: string): Promise<T> =>
        work(scratch).catch((error: unknown) => {
          throw nameFolder(explainDiskFull(error, folder));
        });
      return await withScratchFolder(partial, explained);
    } finally {
      for (const empty of [partial, folder]) await rmdir(empty).catch(() => undefined);
    }
  });
}

/** A full disk is told by the name of the build's folder, for that of the scratch folder says nothing to anybody. */
function nameFolder(error: unknown): unknown {
  if (!(error instanceof HostError) || error.code !== 'DISK_FULL') return error;
  const shorten = (text: string): string => text.replaceAll(/\/\.partial\/[^\s:`]*/g, '');
  const { code, message, hint, details } = error;
  return new HostError({ code, message: shorten(message), hint: shorten(hint ?? ''), details, cause: error });
}

/** The manifest of the image that lies in a folder, when it is the one asked for and its files are whole. */
export async function findPublished(folder: string, imageId: Digest): Promise<Manifest | undefined> {
  const manifest = await readManifest(folder);
  if (manifest?.imageId !== imageId) return undefined;
  return (await areUntouched(folder, manifest.files)) ? manifest : undefined;
}

/** The files of a manifest where they lie. */
export function filesOf(folder: string, manifest: Manifest): BuiltFile[] {
  return manifest.files.map((file) => ({ ...file, path: join(folder, file.path) }));
}

/**
 * Puts a finished image where people look: what the image before it had and this one has not goes, every file and folder
 * appears whole, and the manifest comes last. Until then nothing vouches for what lies there, so whoever is killed here builds again.
 *
 * @param manifest names the files of the image that are already there and stay; those of `staged` are added
 */
export async function publish(folder: string, staged: readonly StagedFile[], manifest: Manifest): Promise<Manifest> {
  const added = staged.map(({ folder: _from, name, ...file }) => ({ ...file, path: name }));
  const files = [...manifest.files, ...added].toSorted((a, b) => (a.path < b.path ? -1 : 1));
  for (const file of staged) await syncFile(join(file.folder, file.name));
  const names = new Set(files.map((file) => file.path));
  const before = await readManifest(folder);
  for (const { path } of before?.files ?? []) {
    if (!names.has(path)) await removeWithFolders(folder, path);
  }
  await rm(manifestPathOf(folder), { force: true });
  const tops = new Map(staged.map((file) => [topOf(file.name), file.folder]));
  for (const [top, from] of tops) {
    // A folder cannot replace one that has files.
    if (!names.has(top)) await rm(join(folder, top), { recursive: true, force: true });
    await rename(join(from, top), join(folder, top));
  }
  await syncFolder(folder);
  const complete = { ...manifest, files };
  await writeFileAtomic(manifestPathOf(folder), formatManifest(complete));
  return complete;
}

function topOf(name: string): string {
  return name.slice(0, name.includes('/') ? name.indexOf('/') : name.length);
}

async function removeWithFolders(folder: string, name: string): Promise<void> {
  await rm(join(folder, name), { force: true });
  for (let parent = dirname(name); parent !== '.'; parent = dirname(parent)) {
    const removed = await rmdir(join(folder, parent)).then(
      () => true,
      () => false,
    );
    if (!removed) return;
  }
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncFolder(dirname(path));
}

/** A manifest that cannot be read vouches for nothing: the image is then written again. */
async function readManifest(folder: string): Promise<Manifest | undefined> {
  const path = manifestPathOf(folder);
  try {
    return parseManifest(await readFile(path, 'utf8'), path);
  } catch {
    return undefined;
  }
}

/** True when every file that a manifest names is there, as large as it says, and no newer than the manifest that vouches for it. */
async function areUntouched(folder: string, files: Manifest['files']): Promise<boolean> {
  const manifest = await stat(manifestPathOf(folder)).catch(() => undefined);
  if (manifest === undefined) return false;
  for (const { path, sizeBytes } of files) {
    const found = await stat(join(folder, path)).catch(() => undefined);
    if (found?.size !== sizeBytes || found.mtimeMs > manifest.mtimeMs) return false;
  }
  return true;
}
