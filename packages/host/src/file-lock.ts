import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { abortedError, HostError } from './error.ts';
import { NodeProcesses } from './node-processes.ts';
import type { RunningProcess } from './processes.ts';

const BUSY_EXIT_CODE = 1;
const FOREVER_MS = Number.POSITIVE_INFINITY;

/** How to wait for a lock. */
export interface FileLockOptions {
  /** Called once when somebody else holds the lock and the wait begins. */
  onWait?: (() => void) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Runs `fn` while no other process, nor another call in this one, holds the lock file.
 *
 * The lock is the kernel's: flock(2), held by a small child (`flock -x FILE cat`, flags that busybox knows, too) that
 * ends when its standard input does. So kill -9, a crash or a reboot frees it at once; nothing has to guess from pids whether a holder still
 * lives, and it holds across PID and network namespaces that share the folder. The file itself stays: removing a
 * locked file would let two holders lock two files of one name. Throws HostError LOCK_FAILED or ABORTED.
 */
export async function withFileLock<T>(path: string, options: FileLockOptions, fn: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  let holder = await tryHold(path, ['-n'], options.signal);
  if (holder === undefined) {
    options.onWait?.();
    holder = await tryHold(path, [], options.signal);
  }
  if (holder === undefined) throw lockFailed(path, 'busy');
  try {
    return await fn();
  } finally {
    holder.stdin.end();
    await holder.exited;
  }
}

/** Starts a holder; undefined when the lock is taken. `cat` answers only once flock has the lock. */
async function tryHold(
  path: string,
  flags: readonly string[],
  signal: AbortSignal | undefined,
): Promise<RunningProcess | undefined> {
  const holder = new NodeProcesses().spawn({
    argv: ['flock', '-x', ...flags, path, 'cat'],
    timeoutMs: FOREVER_MS,
  });
  const onAbort = () => void holder.kill(0);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  try {
    holder.stdin.write(Uint8Array.of(1));
    for await (const _echo of holder.output) return holder;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
  const end = await holder.exited;
  if (signal?.aborted) throw abortedError(`waiting for the lock ${path}`, signal);
  // Both flocks leave without a word when the lock is taken, and with one when anything is wrong.
  if (end.exitCode === BUSY_EXIT_CODE && end.stderrTail.trim() === '') return undefined;
  throw lockFailed(path, end.stderrTail.trim());
}

function lockFailed(path: string, why: string): HostError {
  return new HostError({
    code: 'LOCK_FAILED',
    message: `could not lock ${path}: ${why}`,
    hint: 'The folder must be writable, on a file system that knows file locks.',
    details: { path },
  });
}
