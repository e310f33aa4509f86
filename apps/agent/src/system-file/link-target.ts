import type { Stats } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';

const MAX_LINKS = 40;

/** Where a path leads. */
export interface FileTarget {
  /** Path as this process sees it, after all links. */
  path: string;
  /** Of the regular file that is there; undefined when there is none yet. */
  stats: Stats | undefined;
}

/**
 * Follows links to the file that a write would reach; it need not exist. Absolute links stay below the root of the
 * machine. Throws AgentError STEP_FAILED for a loop, and for anything there that is no regular file.
 */
export async function findFileTarget(machine: Machine, path: string): Promise<FileTarget> {
  refuseBadPath(path);
  let at = machine.locate(path);
  for (let hop = 0; hop < MAX_LINKS; hop += 1) {
    const stats = await lstatOrNothing(at, path);
    if (stats?.isSymbolicLink()) {
      const link = await readlink(at);
      at = link.startsWith('/') ? machine.locate(link) : join(dirname(at), link);
      continue;
    }
    if (stats !== undefined && !stats.isFile()) throw notAFile(path, stats);
    return { path: at, stats };
  }
  throw new AgentError({
    code: 'STEP_FAILED',
    message: `${path} is a symbolic link that leads to itself`,
    hint: 'Remove the link first, with a command for instance.',
  });
}

/** Throws AgentError STEP_INVALID for a path that no file can have. */
export function refuseBadPath(path: string): void {
  if (path.startsWith('/') && !path.includes('\0') && path.length < 4096) return;
  throw new AgentError({
    code: 'STEP_INVALID',
    message: `${JSON.stringify(path.slice(0, 120))} is no path of a file`,
    hint: 'Write an absolute path, such as /etc/motd.',
  });
}

async function lstatOrNothing(at: string, path: string): Promise<Stats | undefined> {
  try {
    return await lstat(at);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return undefined;
    throw explainFileError(error, path);
  }
}

function notAFile(path: string, stats: Stats): AgentError {
  const kind = stats.isDirectory() ? 'a folder' : 'a device, pipe or socket';
  return new AgentError({
    code: 'STEP_FAILED',
    message: `${path} is ${kind}, not a file`,
    hint: 'Name a file; nothing was changed.',
  });
}

const REASONS: Readonly<Record<string, [reason: string, hint: string]>> = {
  EROFS: [
    'is on a read-only file system',
    'Only /etc, /var, /home, /root, /opt, /usr/local, /srv and /oem can be written.',
  ],
  EACCES: ['may not be written', 'The agent needs to run as root.'],
  EPERM: ['may not be changed', 'The agent needs to run as root, and the file must not be immutable (lsattr).'],
  ENOSPC: ['does not fit: the disk is full', 'Free some space; the old file is untouched.'],
  EDQUOT: ['does not fit: the quota is used up', 'Free some space; the old file is untouched.'],
  ENOTDIR: ['lies below something that is no folder', 'Look at the parts of the path with ls -ld.'],
  ELOOP: ['lies behind a loop of symbolic links', 'Look at the parts of the path with ls -ld.'],
  ENAMETOOLONG: ['is too long a name', 'A name has at most 255 bytes.'],
};

/** Says what a system error about a file means; other errors pass unchanged. */
export function explainFileError(error: unknown, path: string): unknown {
  // A full disk reaches us wrapped by writers that know their folder.
  const code = codeOf(error) === 'DISK_FULL' ? 'ENOSPC' : codeOf(error);
  const known = code === undefined ? undefined : REASONS[code];
  if (known === undefined) return error;
  return new AgentError({ code: 'STEP_FAILED', message: `${path} ${known[0]}`, hint: known[1], cause: error });
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
