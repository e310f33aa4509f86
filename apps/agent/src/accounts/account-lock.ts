import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { explainFileError } from '../system-file/link-target.ts';

const RETRY_MS = 100;
const WAIT_MS = 30_000;

/**
 * Runs `work` while this process holds `FILE.lock`, as the tools of shadow-utils do: a file with the pid of its holder
 * (decimal, NUL-terminated), which appears by link(2), so that only one can make it. The lock of a process that is gone
 * is removed, so kill -9 leaves nothing behind. The other half of their convention, an fcntl lock on `/etc/.pwd.lock`,
 * cannot be had from Node; see docs/decisions/005-accounts-edited-as-files.md.
 * Throws AgentError ACCOUNT_INVALID when somebody holds it for more than 30 seconds.
 */
export async function withAccountLock<T>(machine: Machine, file: string, work: () => Promise<T>): Promise<T> {
  const path = machine.locate(`${file}.lock`);
  const own = machine.locate(`${file}.${process.pid}.${randomBytes(4).toString('hex')}`);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(own, `${process.pid}\0`, { flag: 'wx', mode: 0o600 });
    await take(own, path, file, machine.signal);
  } catch (error) {
    throw explainFileError(error, file);
  } finally {
    await unlink(own).catch(() => undefined);
  }
  try {
    return await work();
  } finally {
    await unlink(path).catch(() => undefined);
  }
}

async function take(own: string, path: string, file: string, signal: AbortSignal): Promise<void> {
  for (let waited = 0; waited < WAIT_MS; waited += RETRY_MS) {
    try {
      await link(own, path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (await isAbandoned(path)) await unlink(path).catch(() => undefined);
    else await sleep(RETRY_MS, undefined, { signal });
  }
  throw new AgentError({
    code: 'ACCOUNT_INVALID',
    message: `another program has held ${file}.lock for ${WAIT_MS / 1000} seconds`,
    hint: 'Look for a passwd, vipw or useradd that hangs.',
  });
}

async function isAbandoned(path: string): Promise<boolean> {
  const text = await readFile(path, 'latin1').catch(() => undefined);
  if (text === undefined) return false;
  const pid = /^(\d{1,10})\0?$/.exec(text.trim())?.[1];
  if (pid === undefined || Number(pid) === 0) return true;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
