import { statfs } from 'node:fs/promises';
import { formatBytes } from '@bowline/spec';
import { failed, PASSED, type RunCheck } from '../health-check.ts';

/** The file system of a path has room, for those who are not root too. */
export const checkDiskSpace: RunCheck<'disk-space'> = async ({ path, freeBytes }, machine) => {
  const found = await statfs(machine.locate(path)).catch(() => undefined);
  if (found === undefined) return failed(`${path} does not exist`);
  const free = found.bavail * found.bsize;
  if (free >= freeBytes) return PASSED;
  return failed(`${path} has ${formatBytes(free)} left, less than ${formatBytes(freeBytes)}`);
};
