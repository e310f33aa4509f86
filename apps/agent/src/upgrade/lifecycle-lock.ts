import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { withPidLock } from '../machine/pid-lock.ts';

const LOCK_FILE = '/run/bowline/lifecycle.lock';
/** There while the holder of the lock is a service that ends by itself. */
const SERVICE_FILE = '/run/bowline/lifecycle.service';
/** Longer than it takes to fill the recovery of a slow machine; what died leaves no lock. */
const WAIT_MS = 30 * 60_000;

/** Who wants the lock. */
export interface LifecycleLockOptions {
  /** Work that nobody asked for, such as the filling of the recovery: who comes meanwhile waits for its end. */
  isService?: boolean;
  /** Tells people that, and why, they wait. */
  say?: (line: string) => void;
}

/**
 * Runs work that changes what the machine starts, while no other such work runs. Throws AgentError LIFECYCLE_BUSY when there is
 * any: at once, but for a service of the machine's own, whose end is waited for.
 */
export async function withLifecycleLock<T>(
  machine: Machine,
  work: () => Promise<T>,
  options: LifecycleLockOptions = {},
): Promise<T> {
  const busy = new AgentError({
    code: 'LIFECYCLE_BUSY',
    message: 'An upgrade, a roll-back or a reset is running on this machine.',
    hint: 'Wait until it has ended.',
  });
  const controller = new AbortController();
  const signal = AbortSignal.any([machine.signal, controller.signal]);
  const mark = machine.locate(SERVICE_FILE);
  let timer: NodeJS.Timeout | undefined;
  const onWait = (): void => {
    if (options.isService === true || !existsSync(mark)) {
      controller.abort(busy);
      return;
    }
    options.say?.('waiting until the recovery system of this machine is filled');
    timer = setTimeout(() => controller.abort(busy), WAIT_MS);
  };
  let isHeld = false;
  // Before the lock: whoever finds that held finds the mark, too.
  if (options.isService === true) {
    await mkdir(dirname(mark), { recursive: true });
    await writeFile(mark, '');
  }
  try {
    return await withPidLock(machine.locate(LOCK_FILE), { signal, onWait }, async () => {
      isHeld = true;
      clearTimeout(timer);
      // A service that was killed has left it.
      if (options.isService !== true) await rm(mark, { force: true });
      return await work();
    });
  } catch (error) {
    if (!isHeld && controller.signal.aborted) throw busy;
    throw error;
  } finally {
    clearTimeout(timer);
    if (options.isService === true) await rm(mark, { force: true });
  }
}
