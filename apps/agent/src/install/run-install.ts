import type { Machine } from '../machine/machine.ts';
import type { InstallOptions, InstallPlan, InstallResult } from './plan.ts';

/**
 * Does what a plan says. The disk starts nothing until the last step: whatever interrupts an installation, the medium
 * can be started again. Restarting or switching off is the caller's ({@link InstallPlan.after}).
 *
 * @throws AgentError DISK_IN_USE when the disk is not as it was planned for; WRITE_FAILED, NO_SPACE,
 *   ROOT_HASH_MISMATCH (what was written reads back wrong), LIFECYCLE_BUSY when another installation runs; those of
 *   the source.
 */
export function runInstall(
  _machine: Machine,
  _plan: InstallPlan,
  _options: InstallOptions = {},
): Promise<InstallResult> {
  return Promise.reject(new Error('not there yet'));
}
