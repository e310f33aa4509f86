import { chmod, lchown, lstat, readdir, realpath, rename, stat } from 'node:fs/promises';
import { sep } from 'node:path';
import { AgentError } from '../error.ts';

const SLASH = Buffer.from('/');

/**
 * Moves everything of a folder over another one: each file is replaced by one rename, so that a reader sees the old one
 * or the new one; what only the target has stays. Links of the target to folders inside it are followed.
 *
 * @throws AgentError STEP_FAILED when a folder would take the place of a file, or the other way round, or a link leads
 *   out of the target; what was moved until then stays.
 */
export async function moveOver(from: string, to: string): Promise<void> {
  const root = await realpath(to);
  await moveFolder(Buffer.from(from), Buffer.from(to), root);
}

async function moveFolder(from: Buffer, to: Buffer, root: string): Promise<void> {
  for (const name of await readdir(from, { encoding: 'buffer' })) {
    const source = Buffer.concat([from, SLASH, name]);
    const target = Buffer.concat([to, SLASH, name]);
    const stats = await lstat(source);
    const there = await lstat(target).catch(() => undefined);
    if (!stats.isDirectory()) {
      if (there?.isDirectory()) throw conflict(target, 'is a folder, in the image a file');
      await rename(source, target);
      continue;
    }
    if (there === undefined) {
      await rename(source, target);
      continue;
    }
    await checkFolder(target, root);
    await moveFolder(source, target, root);
    // Modes of a folder that other files share are left to whoever made it, unless the image made it before.
    if (there.isDirectory() && process.geteuid?.() === 0) await lchown(target, stats.uid, stats.gid);
    if (there.isDirectory()) await chmod(target, stats.mode & 0o7777);
  }
}

async function checkFolder(target: Buffer, root: string): Promise<void> {
  const stats = await stat(target).catch(() => undefined);
  if (!stats?.isDirectory()) throw conflict(target, 'is a file, in the image a folder');
  const real = await realpath(target, 'utf8');
  if (real !== root && !real.startsWith(root.endsWith(sep) ? root : `${root}${sep}`)) {
    throw conflict(target, 'is a link that leads out of the target');
  }
}

function conflict(target: Buffer, why: string): AgentError {
  return new AgentError({
    code: 'STEP_FAILED',
    message: `The image does not fit over what is there: ${target.toString('utf8')} ${why}.`,
    hint: 'Name another target, or move what is there away.',
  });
}
