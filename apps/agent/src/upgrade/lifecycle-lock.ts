import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { withPidLock } from '../machine/pid-lock.ts';

const LOCK_FILE = '/run/bowline/lifecycle.lock';

/**
 * Runs work that changes what the machine starts, while no other such work runs. Throws AgentError LIFECYCLE_BUSY at once when
 * there is any.
 */
export async function withLifecycleLock<T>(machine: Machine, work: () => Promise<T>): Promise<T> {
  const busy = new AgentError({
    code: 'LIFECYCLE_BUSY',
    message: 'An upgrade, a roll-back or a reset is running on this machine.',
    hint: 'Wait until it has ended.',
  });
  const controller = new AbortController();
  const signal = AbortSignal.any([machine.signal, controller.signal]);
  const lock = { signal, onWait: () => controller.abort(busy) };
  let isHeld = false;
  try {
    return await withPidLock(machine.locate(LOCK_FILE), lock, async () => {
      isHeld = true;
      return await work();
    });
  } catch (error) {
    if (!isHeld && controller.signal.aborted) throw busy;
    throw error;
  }
}
