import { type Progress, withFileLock } from '@bowline/host';

/**
 * Runs `work` while nobody else holds a lock file; a wait for it is a task that people see while it lasts.
 *
 * @throws HostError LOCK_FAILED | ABORTED
 */
export async function withShownLock<T>(
  path: string,
  waitTitle: string,
  env: { progress: Progress; signal: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  let endWait = (): void => undefined;
  const onWait = (): void => {
    void env.progress.task(waitTitle, () => new Promise<void>((resolve) => (endWait = resolve)));
  };
  try {
    return await withFileLock(path, { onWait, signal: env.signal }, () => {
      endWait();
      return work();
    });
  } finally {
    endWait();
  }
}
