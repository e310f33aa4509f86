import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const POLL_MS = 100;

/** How to wait for a lock. */
export interface PidLockOptions {
  /** Called once when somebody else holds the lock and the wait begins. */
  onWait?: (() => void) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Runs `work` while no other process of this machine holds the lock file. The file names its holder, process number and start
 * time: that of a process which was killed counts for nothing. No program is needed for it, because small bases have no
 * flock(1). The file must lie in a folder that a restart empties. Throws the signal's reason when it is aborted while waiting.
 */
export async function withPidLock<T>(path: string, options: PidLockOptions, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const own = `${path}.${process.pid}-${randomBytes(6).toString('hex')}`;
  await writeFile(own, `${process.pid} ${(await startOf(process.pid)) ?? ''}\n`, { flag: 'wx', mode: 0o600 });
  try {
    let told = false;
    // A link appears whole or not at all, and never over another.
    while (!(await linked(own, path))) {
      if (await removeStale(path)) continue;
      if (!told) options.onWait?.();
      told = true;
      await setTimeout(POLL_MS, undefined, options.signal === undefined ? {} : { signal: options.signal });
    }
  } finally {
    await rm(own, { force: true });
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function linked(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Takes the lock of a dead process away; true when it is worth trying again at once. */
async function removeStale(path: string): Promise<boolean> {
  const holder = await readFile(path, 'utf8').catch(() => undefined);
  if (holder === undefined) return true;
  const [pid = '', start = ''] = holder.trim().split(' ');
  if (/^\d+$/.test(pid) && (await startOf(Number(pid))) === start) return false;
  // Only one of those that want it gone succeeds with this name.
  const grave = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(path, grave);
  } catch {
    return true;
  }
  // Somebody was quicker, and holds it rightly: it is given back.
  if ((await readFile(grave, 'utf8').catch(() => holder)) !== holder) await link(grave, path).catch(() => undefined);
  await rm(grave, { force: true });
  return true;
}

/** When a process started, in ticks since the machine did (proc_pid_stat(5), field 22); undefined: it does not run. */
async function startOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined);
  // The second field is a name in brackets, which may hold spaces.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields === undefined || fields[0] === 'Z' ? undefined : fields[19];
}
