import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, readdir, readFile, readlink, realpath, symlink } from 'node:fs/promises';
import path from 'node:path';
import type { Digest } from '@bowline/host';
import { ImageError } from '../error.ts';
import { type IgnoreRules, parseDockerIgnore } from './docker-ignore.ts';
import type { LayerLimits, ResolveContext } from './source.ts';

/** Gives the sha256 of a file. */
export type FileHasher = (file: string) => Promise<Digest>;

/** A member of a build context, with the mode it gets in the copy: what the checkout's umask left does not matter. */
export interface ContextEntry {
  path: string;
  type: 'file' | 'directory' | 'symlink';
  mode: 0o644 | 0o755 | 0o777;
  /** Content of a file, target of a symbolic link. */
  digest?: Digest;
  target?: string;
}

/** What an engine may see of a context folder. */
export interface ContextScan {
  folder: string;
  entries: readonly ContextEntry[];
  /** sha256 over path, type, mode and content of every entry. */
  digest: Digest;
}

const MAX_TEXT_BYTES = 2 ** 20;

/** Files of Bowline itself: a new lock must not make the context another one. */
const OWN_FILES: ReadonlySet<string> = new Set(['bowl.yaml', 'bowl.lock', '.dockerignore']);

/**
 * Resolves a path the bowl wrote and makes sure it stays inside the bowl's folder, or that of a bowl it extends, symbolic links
 * followed. Throws ImageError CONTEXT_INVALID (outside), SOURCE_MISSING (not there).
 */
export async function resolveInside(
  place: Pick<ResolveContext, 'bowlFolder' | 'extendedFolders'>,
  written: string,
  what: string,
): Promise<string> {
  const found = await realpath(path.resolve(place.bowlFolder, written)).catch((cause: unknown) => {
    throw new ImageError({
      code: 'SOURCE_MISSING',
      message: `${what} ${written} does not exist.`,
      hint: 'Paths in a bowl start at the folder of the bowl.',
      cause,
    });
  });
  for (const folder of [place.bowlFolder, ...(place.extendedFolders ?? [])]) {
    const base = await realpath(folder);
    if (found === base || found.startsWith(`${base}${path.sep}`)) return found;
  }
  throw new ImageError({
    code: 'CONTEXT_INVALID',
    message: `${what} ${written} is outside the folder of the bowl.`,
    hint: 'Move it beside the bowl: a bowl is built from its own folder only.',
  });
}

/** Reads a small text file. Throws ImageError CONTEXT_INVALID when it is larger than 1 MiB. */
export async function readSmallText(file: string, what: string): Promise<string> {
  const { size } = await lstat(file);
  if (size > MAX_TEXT_BYTES)
    throw new ImageError({ code: 'CONTEXT_INVALID', message: `${what} is larger than 1 MiB.` });
  return readFile(file, 'utf8');
}

/**
 * Lists what a context holds after `<Dockerfile>.dockerignore` or `.dockerignore`, in path order; with `everything`, of any folder
 * without rules.
 * Throws ImageError CONTEXT_INVALID: too many entries, or something that is no file, folder or link.
 */
export async function scanContext(
  folder: string,
  dockerfile: string | undefined,
  hashFile: FileHasher,
  limits: Pick<LayerLimits, 'maxEntries'>,
  scope: 'context' | 'everything' = 'context',
): Promise<ContextScan> {
  const rules = scope === 'context' ? await readIgnoreRules(folder, dockerfile) : parseDockerIgnore('');
  const entries: ContextEntry[] = [];
  const walk = async (relative: string): Promise<void> => {
    const names = (await readdir(path.join(folder, relative))).sort(byBytes);
    for (const name of names) {
      const child = relative === '' ? name : `${relative}/${name}`;
      if (scope === 'context' && OWN_FILES.has(child)) continue;
      const ignored = rules.isIgnored(child);
      if (ignored && !rules.hasExceptions) continue;
      const entry = await readEntry(folder, child, hashFile, ignored);
      if (entry === undefined) continue;
      if (entry.type === 'directory') {
        const before = entries.length;
        entries.push(entry);
        await walk(child);
        // A left-out folder stays only when something in it was re-included.
        if (ignored && entries.length === before + 1) entries.pop();
      } else if (!ignored) entries.push(entry);
      if (entries.length > limits.maxEntries)
        throw new ImageError({
          code: 'CONTEXT_INVALID',
          message: `The build context ${folder} has more than ${limits.maxEntries} entries.`,
          hint: 'List what the build does not need in .dockerignore.',
        });
    }
  };
  await walk('');
  const hash = createHash('sha256');
  for (const { path: name, type, mode, digest, target } of entries)
    hash.update(`${JSON.stringify([name, type, mode, digest ?? '', target ?? ''])}\n`);
  return { folder, entries, digest: `sha256:${hash.digest('hex')}` };
}

async function readIgnoreRules(folder: string, dockerfile: string | undefined): Promise<IgnoreRules> {
  const candidates = [
    ...(dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`]),
    path.join(folder, '.dockerignore'),
  ];
  for (const file of candidates) {
    const found = await lstat(file).catch(() => undefined);
    if (found?.isFile()) return parseDockerIgnore(await readSmallText(file, path.basename(file)));
  }
  return parseDockerIgnore('');
}

async function readEntry(
  folder: string,
  child: string,
  hashFile: FileHasher,
  ignored: boolean,
): Promise<ContextEntry | undefined> {
  const file = path.join(folder, child);
  const stat = await lstat(file);
  if (stat.isDirectory()) return { path: child, type: 'directory', mode: 0o755 };
  if (ignored) return undefined;
  if (stat.isSymbolicLink()) return { path: child, type: 'symlink', mode: 0o777, target: await readlink(file) };
  if (stat.isFile())
    return { path: child, type: 'file', mode: (stat.mode & 0o100) === 0 ? 0o644 : 0o755, digest: await hashFile(file) };
  throw new ImageError({
    code: 'CONTEXT_INVALID',
    message: `${child} in the build context is neither a file, a folder nor a symbolic link.`,
    hint: 'Remove it, or list it in .dockerignore.',
  });
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/**
 * Copies a scanned context into an empty folder with normalised modes, and reads the copy back.
 * Throws ImageError CONTEXT_INVALID when a file changed in between.
 */
export async function stageContext(
  scan: ContextScan,
  target: string,
  hashFile: FileHasher,
  limits: Pick<LayerLimits, 'maxEntries'>,
): Promise<void> {
  await mkdir(target, { recursive: true });
  await chmod(target, 0o755);
  for (const entry of scan.entries) {
    const to = path.join(target, entry.path);
    if (entry.type === 'directory') await mkdir(to);
    else if (entry.type === 'symlink') await symlink(entry.target ?? '', to);
    else await copyFile(path.join(scan.folder, entry.path), to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    if (entry.type !== 'symlink') await chmod(to, entry.mode);
  }
  const copied = await scanContext(target, undefined, hashFile, limits);
  if (copied.digest !== scan.digest)
    throw new ImageError({
      code: 'CONTEXT_INVALID',
      message: `The build context ${scan.folder} changed while it was copied.`,
      hint: 'Build again when nothing writes to it.',
    });
}
