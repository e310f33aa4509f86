import { readFile, stat } from 'node:fs/promises';
import type { Machine } from '../machine/machine.ts';
import { writeSystemFile } from '../system-file/write-system-file.ts';
import { withAccountLock } from './account-lock.ts';
import type { IdRange } from './login-defaults.ts';

/** A line of subuid(5). */
interface SubordinateRange {
  first: number;
  last: number;
}

/**
 * Gives a user a range of subordinate ids (subuid(5), subgid(5)), as useradd does: only where the file exists, and only
 * to a user that has none. The range follows from the number of the user where that is free, so it is the same at each
 * start whatever the order of the users; else it is the next free one. Returns whether the file changed.
 */
export async function giveSubordinateIds(
  machine: Machine,
  file: '/etc/subuid' | '/etc/subgid',
  user: { name: string; uid: number },
  range: IdRange & { count: number },
  firstUser: number,
): Promise<boolean> {
  const path = machine.locate(file);
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (!isThere || range.count <= 0) return false;
  return await withAccountLock(machine, file, async () => {
    const stats = await stat(path);
    const text = await readFile(path, 'utf8');
    const next = addSubordinateRange(text, user, range, firstUser);
    if (next === undefined) return false;
    const owner = { uid: stats.uid, gid: stats.gid };
    return await writeSystemFile(machine, file, next, { mode: stats.mode & 0o7777, owner });
  });
}

/** The file with a range for the user; undefined when it has one, or none is free. */
function addSubordinateRange(
  text: string,
  user: { name: string; uid: number },
  range: IdRange & { count: number },
  firstUser: number,
): string | undefined {
  const lines = text.split('\n').map((line) => line.split(':'));
  if (lines.some(([name]) => name === user.name || name === String(user.uid))) return undefined;
  const used = lines.flatMap(([, first = '', count = '']): SubordinateRange[] =>
    /^\d+$/.test(first) && /^\d+$/.test(count)
      ? [{ first: Number(first), last: Number(first) + Number(count) - 1 }]
      : [],
  );
  const isFree = (first: number) =>
    first >= range.first &&
    first + range.count - 1 <= range.last &&
    !used.some((other) => first <= other.last && other.first <= first + range.count - 1);
  const own = range.first + (user.uid - firstUser) * range.count;
  const candidates = [own, range.first, ...used.map(({ last }) => last + 1).toSorted((a, b) => a - b)];
  const first = candidates.find(isFree);
  if (first === undefined) return undefined;
  const body = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  return `${body}${user.name}:${first}:${range.count}\n`;
}
