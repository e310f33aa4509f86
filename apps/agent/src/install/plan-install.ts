import type { Machine } from '../machine/machine.ts';
import type { InstallPlan } from './plan.ts';
import type { InstallReport, InstallWish } from './wish.ts';

/**
 * Chooses the disk, looks at what is on it, opens the source and says everything that an installation would do. Nothing
 * is written.
 *
 * @throws AgentError DISK_INVALID when there is no such disk, it is too small, or is the medium; DISK_IN_USE when it
 *   is mounted, or is not empty without `force` (the message names what is there); CONFIG_INVALID for fatal reports;
 *   SOURCE_UNAVAILABLE, SIGNATURE_INVALID, RELEASE_UNFIT of the source.
 */
export function planInstall(
  _machine: Machine,
  _wish: InstallWish,
  _reports: readonly InstallReport[] = [],
): Promise<InstallPlan> {
  return Promise.reject(new Error('not there yet'));
}
